# Checks JSON lines on standard input against a definition of formats/schemas.json, and that it
# names every key. usage: schemas.py SCHEMAS NAME
import json, sys
import fastjsonschema

definitions = json.load(open(sys.argv[1]))["definitions"]
name = sys.argv[2]


def named(schema):
    """The keys of an object that a schema names, with those of what it refers to."""
    keys = set(schema.get("properties", {}))
    for part in schema.get("allOf", []) + schema.get("anyOf", []) + [schema]:
        if "$ref" in part:
            keys |= named(definitions[part["$ref"].split("/")[-1]])
    return keys


lines = [json.loads(line) for line in sys.stdin]
validate = fastjsonschema.compile({"$ref": "#/definitions/" + name, "definitions": definitions})
for document in lines:
    try:
        validate(document)
    except fastjsonschema.JsonSchemaValueException as e:
        sys.exit(f"{name}: {e}: {json.dumps(document)}")
    if unknown := set(document) - named(definitions[name]):
        sys.exit(f"{name}: {sys.argv[1]} does not name {sorted(unknown)}")
if not lines:
    sys.exit(f"{name}: there is nothing to check")

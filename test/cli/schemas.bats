#!/usr/bin/env bats
# What the tools write is as formats/schemas.json says, and has no key that it does not name.

bats_require_minimum_version 1.5.0
load helpers

check() {
	"$python" "$root/test/cli/schemas.py" "$root/formats/schemas.json" "$1"
}

meta() {
	fd2-look --json "$@" | jq -c .meta
}

made() {
	jq -es 'all(has("tool") and has("version") and has("options") and has("inputs"))'
}

@test "schemas: the meta of every kind of stream" {
	need_python
	tiny_run
	fd2-protos -q -t teacher.fd2 -o exact.fd2 train.tar
	fd2-select -q --method herding -t teacher.fd2 -n 2 --features features.fd2 \
		-o selected.tar train.tar
	fd2-attn -q -t teacher.fd2 --features -o seen.fd2 distilled.tar
	fd2-relabel -q -t teacher.fd2 -t other.fd2 --shuffle-patches -e 1 -o two.fd2 distilled.tar
	fd2-eval -q -l labels.fd2 --val val.tar --save student.fd2 distilled.tar >result.json
	meta teacher.fd2 other.fd2 | check teacher
	meta protos.fd2 exact.fd2 | check protos
	fd2-protos -q -t teacher.fd2 --statistics bn -o bn.fd2 train.tar
	meta bn.fd2 | check statistics
	fd2-attn -q -t teacher.fd2 --cut 0.1 -o cut.fd2 distilled.tar
	meta attn.fd2 cut.fd2 | check attn
	fd2-stat -p protos.fd2 attn.fd2 >stat.json
	fd2-stat -g 1 cut.fd2 >>stat.json
	fd2-attn -q -t teacher.fd2 val.tar | fd2-stat --boxes val.tar >>stat.json
	check distances <stat.json
	meta features.fd2 seen.fd2 | check features
	meta labels.fd2 two.fd2 | check labels
	meta student.fd2 | check student
	meta teacher.fd2 protos.fd2 attn.fd2 features.fd2 labels.fd2 student.fd2 | made
	tar xOf selected.tar __fd2__ | check shard
	check result <result.json
}

@test "schemas: __fd2__ of every tool that writes shards" {
	need_python
	tiny_run
	fd2-attn -q -t teacher.fd2 --heatmap -o heat.tar distilled.tar
	fd2-exchange --to cv-dd -o images distilled.tar
	fd2-exchange --from images -o back.tar images
	fd2-relabel -q -t teacher.fd2 -b 4 -e 1 --order fkd -o fkd.fd2 distilled.tar
	fd2-exchange --to fkd --images distilled.tar -o labels_bs4_ipc2 fkd.fd2
	fd2-exchange --from fkd --images back.tar labels_bs4_ipc2 | meta | check labels
	mkdir -p photos/train photos/val
	tar -xf train.tar -C photos/train --exclude '__*__'
	tar -xf val.tar -C photos/val --exclude '__*__'
	fd2-import -q --any-count -o mine imagenette photos
	local shard
	for shard in {train,val,distilled,heat,back,mine-train,mine-val}.tar; do
		tar xOf "$shard" __fd2__
	done >ends
	[ "$(wc -l <ends)" = 7 ]
	check shard <ends
}

@test "schemas: events of the log, result and report" {
	need_python
	tiny_run
	fd2-teacher -q -s 32 -M 2 -b 12 -e 1 --val val.tar --log log -o t.fd2 train.tar
	fd2-distill -q -t teacher.fd2 --steps 1 -n 2 --together 2 --log log -o d.tar train.tar
	fd2-distill -q --method fadrm+ -t teacher.fd2 -t other.fd2 --steps 3 --log log \
		-o e.tar train.tar
	fd2-relabel -q -t teacher.fd2 -e 1 --log log -o l.fd2 distilled.tar
	fd2-eval -q -l labels.fd2 --val val.tar --test train.tar --report report.json --log log \
		-o result.json distilled.tar
	fd2-eval -q --hard -s 32 -e 1 --val val.tar --log log distilled.tar >>result.json
	fd2-match -q -s 32 --iterations 1 --log log -o m.tar train.tar
	fd2-expert -q -s 32 -n 1 -e 5 -b 6 --lr 0.02 --log log -o experts.fd2 train.tar
	meta experts.fd2 | check trajectories
	fd2-match -q -s 32 --method datm --experts experts.fd2 --steps 1 --start-last 4 \
		--iterations 1 --log log -o datm.tar train.tar
	tar xOf datm.tar __fd2__ | check shard
	tar xOf datm.tar --wildcards '*.json' | check sample
	fd2-eval -q --learned -s 32 -e 1 --val val.tar --log log datm.tar >>result.json
	check log < <(cat log)
	[ "$(jq -r .event log | sort -u | xargs)" = \
		"cost end epoch iteration labels settings start step" ]
	check result <result.json
	check report <report.json
}

@test "schemas: what breaks them is noticed" {
	need_python
	tiny_run
	meta labels.fd2 >labels.json
	local change
	for change in 'del(.size)' '.size = 2' '.mean = [1, 2]' '.std[0] = 0' '.fit = "tall"' \
		'.inputs.images = "x"' 'del(.inputs.images)' '.new = 1' '.classes = []'; do
		run -1 check labels < <(jq -c "$change" labels.json)
	done
	run -1 check log <<<'{"event":"unheard","t":0}'
	run -1 check log <<<'{"event":"labels","t":0}'
}

/* The names that fd2 itself uses for the functions of formats/fd2. */
#ifndef FD2_SHORT_NAMES_H
#define FD2_SHORT_NAMES_H
#define shard_open fd2_shard_open
#define shard_next fd2_shard_next
#define shard_meta fd2_shard_meta
#define shard_classes fd2_shard_classes
#define shard_class fd2_shard_class
#define shard_digest fd2_shard_digest
#define shard_close fd2_shard_close
#define shard_add fd2_shard_add
#define shard_finish fd2_shard_finish
#define shard_abandon fd2_shard_abandon
#define dtype_size fd2_dtype_size
#define dtype_name fd2_dtype_name
#define array_count fd2_array_count
#define array_at fd2_array_at
#define array_free fd2_array_free
#define stream_open fd2_stream_open
#define stream_open_memory fd2_stream_open_memory
#define stream_kind fd2_stream_kind
#define stream_meta fd2_stream_meta
#define stream_next fd2_stream_next
#define stream_digest fd2_stream_digest
#define stream_close fd2_stream_close
#define stream_put fd2_stream_put
#define stream_flush fd2_stream_flush
#define stream_finish fd2_stream_finish
#define stream_abandon fd2_stream_abandon
#endif

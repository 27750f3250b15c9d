/* fd2-protos --statistics: teacher.fd2 and shards -> statistics of its layers
 * (layer-statistics.h). */
#ifndef FD2_STATISTICS_H
#define FD2_STATISTICS_H
#include "lib/fd2/teacher/protos.h"

/* 0, or -1 with fail_message(). */
int stage_statistics(const struct protos_config *config);
#endif

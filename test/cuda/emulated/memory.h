/* Pools of memory that graphs are recorded into, by the rules of libtorch 2.11's allocators for
 * the device (c10/cuda/ CUDACachingAllocator.cpp) and for the host
 * (ATen/core/CachingHostAllocator.h). */
#ifndef FD2_EMULATED_MEMORY_H
#define FD2_EMULATED_MEMORY_H
#include <c10/core/Allocator.h>
#include <c10/util/Exception.h>
#include <algorithm>
#include <map>
#include <set>

namespace emulated
{

class memory
{
	struct pool {
		long users = 0;
		size_t reserved = 0;
	};
	std::map<c10::MempoolId_t, pool> pools;
	std::set<c10::MempoolId_t> recording;

      public:
	void begin(c10::MempoolId_t id)
	{
		const auto [it, is_new] = pools.try_emplace(id);
		TORCH_CHECK(is_new || it->second.users, "the pool has lost its last user");
		it->second.users++;
		TORCH_CHECK(recording.insert(id).second,
		    "beginAllocateToPool: already recording to mempool_id");
	}
	void end(c10::MempoolId_t id)
	{
		TORCH_CHECK(
		    recording.erase(id), "endAllocatePool: not currently recording to mempool_id");
	}
	/* A graph allocates this much, where those before it did. */
	void hold(c10::MempoolId_t id, size_t bytes)
	{
		pools.at(id).reserved = std::max(pools.at(id).reserved, bytes);
	}
	void release(c10::MempoolId_t id)
	{
		pools.at(id).users--;
	}
	/* Of all pools: what nobody uses any more is not given back as long as there is memory. */
	size_t reserved() const
	{
		size_t sum = 0;
		for (const auto &[id, p] : pools)
			sum += p.reserved;
		return sum;
	}
};

inline memory of_device, of_host;

} // namespace emulated
#endif

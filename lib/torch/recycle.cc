/* libtorch's memory for large tensors. Every step frees what the next one needs; given back to the kernel, that memory would be
 * cleared again page by page, a tenth of a step. So freed blocks are kept, as long as all of them together stay near the most that
 * was ever in use at once. */
#include "lib/torch/handle.h"
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>
#include <c10/util/Exception.h>
#include <sys/mman.h>
#include <algorithm>
#include <map>
#include <mutex>
#include <unordered_map>

namespace
{

constexpr size_t large = 1 << 20;

struct Recycler final : c10::Allocator {
	struct block {
		void *p;
		size_t freed; /* when, in blocks freed before */
	};
	std::mutex mutex;
	std::multimap<size_t, block> idle; /* by size */
	std::unordered_map<void *, size_t> size_of;
	size_t used = 0, most = 0, kept = 0; /* bytes in use now, at most so far, idle */
	size_t clock = 0;

	/* The smallest idle block that fits, of at most twice the size: forward passes free blocks of many sizes in turn. */
	void *again(size_t n)
	{
		const auto found = idle.lower_bound(n);
		if (found == idle.end() || found->first - n > n)
			return nullptr;
		void *p = found->second.p;
		kept -= found->first;
		used += found->first;
		idle.erase(found);
		return p;
	}

	/* Lets the blocks go that were idle for longest. */
	void make_room(size_t n)
	{
		while (!idle.empty() && used + n + kept > most + most / 2) {
			const auto oldest = std::min_element(
			    idle.begin(), idle.end(), [](const auto &a, const auto &b) { return a.second.freed < b.second.freed; });
			size_of.erase(oldest->second.p);
			munmap(oldest->second.p, oldest->first);
			kept -= oldest->first;
			idle.erase(oldest);
		}
	}

	void *take(size_t n)
	{
		const std::lock_guard<std::mutex> lock(mutex);
		void *p = again(n);
		if (!p) {
			make_room(n);
			p = mmap(nullptr, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			TORCH_CHECK(p != MAP_FAILED, "out of memory: ", n >> 20, " MiB more were wanted");
			size_of[p] = n;
			used += n;
		}
		most = std::max(most, used);
		return p;
	}

	/* Whether p is one of the large blocks. */
	bool give(void *p)
	{
		const std::lock_guard<std::mutex> lock(mutex);
		const auto found = size_of.find(p);
		if (found == size_of.end())
			return false;
		idle.emplace(found->second, block{p, clock++});
		used -= found->second;
		kept += found->second;
		return true;
	}

	static void give_back(void *p);

	c10::DataPtr allocate(size_t n) override
	{
		void *p = n < large ? c10::alloc_cpu(n) : take(n);
		return {p, p, give_back, at::Device(at::kCPU)};
	}

	c10::DeleterFnPtr raw_deleter() const override
	{
		return give_back;
	}

	void copy_data(void *to, const void *from, size_t n) const override
	{
		default_copy_data(to, from, n);
	}
};

/* Never destroyed: tensors may outlive static destructors. */
Recycler &recycler()
{
	static Recycler *r = new Recycler;
	return *r;
}

void Recycler::give_back(void *p)
{
	if (!recycler().give(p))
		c10::free_cpu(p);
}

} // namespace

void recycle_memory()
{
	c10::SetCPUAllocator(&recycler());
}

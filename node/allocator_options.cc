// jemalloc's options, which it reads before main().
//
// slab_sizes: by default the slabs of the classes 64, 128, 256, 512, 1024 and 4096 are single pages. Each slab has a
// descriptor of 128 bytes that is never returned: 3 percent of what was the most memory ever in use. Slabs of some 60 KB
// (or of 512 blocks, the most that a slab can have) make that 0.2 percent, and are cheaper to fill. In pages; whole
// numbers of blocks.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf =
    "slab_sizes:16-16:2|32-32:4|48-48:6|64-64:8|80-80:10|96-96:12|112-112:14|128-128:16|160-160:15|192-192:15|"
    "224-224:14|256-256:16|320-320:15|384-384:15|448-448:14|512-512:16|640-640:15|768-768:15|896-896:14|1024-1024:16|"
    "2560-2560:15|3072-3072:15|3584-3584:14|4096-4096:16";
}

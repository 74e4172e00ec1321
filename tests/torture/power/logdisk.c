/* A disk that keeps a log: each write and each flush is appended to it, in the
   order in which the disk took them. A record is two numbers of 64 bits, offset
   and length, and the data; that of a flush has no data.  */

#define NBDKIT_API_VERSION 2
#define THREAD_MODEL NBDKIT_THREAD_MODEL_SERIALIZE_ALL_REQUESTS

#include <nbdkit-plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int disk = -1, record = -1;

static int config(const char *key, const char *value) {
    if (strcmp(key, "disk") == 0 && (disk = open(value, O_RDWR | O_CLOEXEC)) >= 0)
        return 0;
    if (strcmp(key, "log") == 0
        && (record = open(value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) >= 0)
        return 0;
    nbdkit_error("%s=%s: %s", key, value, strerror(errno));
    return -1;
}

static void *open_disk(int readonly) {
    (void)readonly;
    return NBDKIT_HANDLE_NOT_NEEDED;
}

static int64_t get_size(void *handle) {
    struct stat status;
    (void)handle;
    return fstat(disk, &status) == 0 ? status.st_size : -1;
}

static int whole(ssize_t done, size_t wanted) {
    if (done >= 0 && (size_t)done == wanted)
        return 0;
    nbdkit_error("%zd of %zu bytes: %s", done, wanted, strerror(errno));
    return -1;
}

static int append(uint64_t offset, const void *data, uint64_t length) {
    uint64_t head[2] = {offset, length};
    struct iovec parts[2] = {{head, sizeof head}, {(void *)data, length}};
    return whole(writev(record, parts, 2), sizeof head + length);
}

static int disk_read(void *handle, void *data, uint32_t length, uint64_t offset, uint32_t flags) {
    (void)handle, (void)flags;
    return whole(pread(disk, data, length, (off_t)offset), length);
}

static int disk_write(void *handle, const void *data, uint32_t length, uint64_t offset,
                      uint32_t flags) {
    (void)handle, (void)flags;
    if (append(offset, data, length) != 0)
        return -1;
    return whole(pwrite(disk, data, length, (off_t)offset), length);
}

static int disk_flush(void *handle, uint32_t flags) {
    (void)handle, (void)flags;
    return append(0, NULL, 0);
}

static struct nbdkit_plugin plugin = {
    .name = "logdisk",
    .config = config,
    .open = open_disk,
    .get_size = get_size,
    .pread = disk_read,
    .pwrite = disk_write,
    .flush = disk_flush,
};

NBDKIT_REGISTER_PLUGIN(plugin)

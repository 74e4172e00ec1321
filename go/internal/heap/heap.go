// Package heap tells the tests how much memory C has in use.
package heap

/*
#include <malloc.h>

static size_t in_use(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}
*/
import "C"

// InUse is how many bytes were allocated and not freed.
func InUse() int {
	return int(C.in_use())
}

package ocilayout

/*
#include <ocilayout.h>

int32_t ocilayoutGoMatch(void *userdata, ocilayout_descriptor *descriptor);
*/
import "C"

import (
	"slices"
	"unsafe"
)

// A Matcher says which entries of an index are meant. MatchReference, MatchAnnotation,
// MatchPlatforms, MatchMediaTypes and MatchDigests look at what an entry says, MatchFunc
// asks any function, and AllOf, AnyOf and Not combine them.
type Matcher interface {
	// isGo says whether there is a function in it.
	isGo() bool
	// inLibrary is the matcher as one of the library's, if there is none.
	inLibrary(c *call) *C.ocilayout_match
	// inGo is the matcher as a function.
	inGo(c *call) func(entry) bool
}

// entry is one that is asked about, as the library has it and as this package has.
type entry struct {
	there *C.ocilayout_descriptor
	here  Descriptor
}

// MatchFunc means the entries for which the function says true. It may be asked more
// than once about equal entries, and about entries that other writers add meanwhile; no
// lock is held while it runs.
type MatchFunc func(Descriptor) bool

func (MatchFunc) isGo() bool { return true }

func (MatchFunc) inLibrary(*call) *C.ocilayout_match { return nil }

func (m MatchFunc) inGo(*call) func(entry) bool {
	return func(e entry) bool { return m(e.here) }
}

// condition is a matcher that the library has.
type condition func(c *call, out **C.ocilayout_match) func() C.ocilayout_status

func (condition) isGo() bool { return false }

func (m condition) inLibrary(c *call) *C.ocilayout_match {
	var out *C.ocilayout_match
	if err := c.do(m(c, &out)); err != nil {
		c.refuse(err)
	}
	c.later(func() { C.ocilayout_match_free(out) })
	return out
}

func (m condition) inGo(c *call) func(entry) bool {
	match := m.inLibrary(c)
	return func(e entry) bool {
		var matches C.bool
		var failure *C.ocilayout_error
		if C.ocilayout_match_test(match, e.there, &matches, &failure) != C.OCILAYOUT_OK {
			panic(taken(failure))
		}
		return bool(matches)
	}
}

// MatchReference means the entries of this reference: their annotation RefName.
func MatchReference(reference string) Matcher {
	return condition(func(c *call, out **C.ocilayout_match) func() C.ocilayout_status {
		text := c.text("reference", reference)
		return func() C.ocilayout_status { return C.ocilayout_match_reference(text, out, &c.failure) }
	})
}

// MatchAnnotation means the entries whose annotation key has this value.
func MatchAnnotation(key, value string) Matcher {
	return condition(func(c *call, out **C.ocilayout_match) func() C.ocilayout_status {
		name, text := c.text("key", key), c.text("value", value)
		return func() C.ocilayout_status {
			return C.ocilayout_match_annotation(name, text, out, &c.failure)
		}
	})
}

// MatchPlatforms means the entries whose platform is one of these, in every part.
func MatchPlatforms(platforms ...Platform) Matcher {
	return condition(func(c *call, out **C.ocilayout_match) func() C.ocilayout_status {
		var texts []string
		for _, platform := range platforms {
			text, err := marshal(platform)
			if err != nil {
				c.refuse(err)
			}
			texts = append(texts, string(text))
		}
		list, count := c.texts("platforms", texts)
		return func() C.ocilayout_status {
			return C.ocilayout_match_platforms(list, count, out, &c.failure)
		}
	})
}

// MatchMediaTypes means the entries whose media type is one of these.
func MatchMediaTypes(mediaTypes ...string) Matcher {
	return condition(func(c *call, out **C.ocilayout_match) func() C.ocilayout_status {
		list, count := c.texts("media types", mediaTypes)
		return func() C.ocilayout_status {
			return C.ocilayout_match_media_types(list, count, out, &c.failure)
		}
	})
}

// MatchDigests means the entries whose digest is one of these.
func MatchDigests(digests ...Digest) Matcher {
	return condition(func(c *call, out **C.ocilayout_match) func() C.ocilayout_status {
		var texts []string
		for _, digest := range digests {
			texts = append(texts, string(digest))
		}
		list, count := c.texts("digests", texts)
		return func() C.ocilayout_status {
			return C.ocilayout_match_digests(list, count, out, &c.failure)
		}
	})
}

// AllOf means what all of these mean; every entry if there are none.
func AllOf(matchers ...Matcher) Matcher {
	return combination{matchers, true}
}

// AnyOf means what at least one of these means; no entry if there are none.
func AnyOf(matchers ...Matcher) Matcher {
	return combination{matchers, false}
}

type combination struct {
	of  []Matcher
	all bool
}

func (m combination) isGo() bool {
	return slices.ContainsFunc(m.of, Matcher.isGo)
}

func (m combination) inLibrary(c *call) *C.ocilayout_match {
	return condition(func(c *call, out **C.ocilayout_match) func() C.ocilayout_status {
		count := C.size_t(len(m.of))
		list := (**C.ocilayout_match)(c.list(len(m.of)))
		for i, each := range m.of {
			unsafe.Slice(list, len(m.of))[i] = each.inLibrary(c)
		}
		return func() C.ocilayout_status {
			if m.all {
				return C.ocilayout_match_all_of(list, count, out, &c.failure)
			}
			return C.ocilayout_match_any_of(list, count, out, &c.failure)
		}
	}).inLibrary(c)
}

func (m combination) inGo(c *call) func(entry) bool {
	var functions []func(entry) bool
	for _, each := range m.of {
		functions = append(functions, each.inGo(c))
	}
	return func(e entry) bool {
		for _, means := range functions {
			if means(e) != m.all {
				return !m.all
			}
		}
		return m.all
	}
}

// Not means what matcher does not mean.
func Not(matcher Matcher) Matcher {
	return negation{matcher}
}

type negation struct{ Matcher }

func (m negation) inLibrary(c *call) *C.ocilayout_match {
	return condition(func(c *call, out **C.ocilayout_match) func() C.ocilayout_status {
		match := m.Matcher.inLibrary(c)
		return func() C.ocilayout_status { return C.ocilayout_match_not(match, out, &c.failure) }
	}).inLibrary(c)
}

func (m negation) inGo(c *call) func(entry) bool {
	means := m.Matcher.inGo(c)
	return func(e entry) bool { return !means(e) }
}

// matching is a matcher as the library asks it.
type matching struct {
	call  *call
	means func(entry) bool
}

func (m *matching) answer(descriptor *C.ocilayout_descriptor) C.int32_t {
	here, err := described(descriptor)
	if err != nil {
		return C.int32_t(m.call.stop(err))
	}
	if m.means(entry{descriptor, here}) {
		return 1
	}
	return 0
}

// matcher is what the library is given for a matcher: a matcher of its own, and what to
// ask about what that means.
func (c *call) matcher(m Matcher) (*C.ocilayout_match, C.ocilayout_match_fn, unsafe.Pointer) {
	if m == nil {
		return nil, nil, nil
	}
	var there []Matcher
	if all, ok := m.(combination); ok && all.all && all.isGo() {
		var here []Matcher
		for _, each := range all.of {
			if each.isGo() {
				here = append(here, each)
			} else {
				there = append(there, each)
			}
		}
		m = AllOf(here...)
	}
	if !m.isGo() {
		return m.inLibrary(c), nil, nil
	}
	asked := c.userdata(&matching{c, m.inGo(c)})
	return AllOf(there...).inLibrary(c), C.ocilayout_match_fn(C.ocilayoutGoMatch), asked
}

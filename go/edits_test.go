package ocilayout_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	ocilayout "github.com/ocilayout/ocilayout/go"
)

func TestEdits(t *testing.T) {
	path, layout := newLayout(t)
	a, b := named(t, layout, "a"), named(t, layout, "b")
	equal(t, names(t, path), "a b")
	equal(t, must[int](t)(layout.Replace(background, ocilayout.MatchReference("a"), b, "c", nil)), 1)
	equal(t, names(t, path), "c b")
	equal(t, must[int](t)(layout.Replace(background, ocilayout.AllOf(), a, "d", nil)), 2)
	check(t, layout.Append(background, a, "d", nil))
	equal(t, names(t, path), "d")
	check(t, layout.Append(background, a, "d", &ocilayout.AppendOptions{Duplicate: true}))
	equal(t, names(t, path), "d d")
	equal(t, must[int](t)(layout.Remove(background, ocilayout.MatchDigests(a.Digest))), 2)
	_, err := layout.Remove(background, nil)
	asks(t, err, ocilayout.ErrInvalidArgument)
	_, err = layout.Replace(background, nil, a, "x", nil)
	asks(t, err, ocilayout.ErrInvalidArgument)
	asks(t, layout.Append(background, a, "no reference", nil), ocilayout.ErrInvalidArgument)
	a.Digest = digest
	asks(t, layout.Append(background, a, "x", nil), ocilayout.ErrNotFound)
	equal(t, names(t, path), "")
}

// Matchers in each combination mean what the same means in Go.
func TestMatchers(t *testing.T) {
	_, layout := newLayout(t)
	for _, name := range []string{"a", "b", "c", "ab"} {
		named(t, layout, name)
	}
	has := func(part string) ocilayout.Matcher {
		return ocilayout.MatchFunc(func(d ocilayout.Descriptor) bool { return strings.Contains(d.Reference(), part) })
	}
	is := ocilayout.MatchReference
	annotated := ocilayout.MatchAnnotation(ocilayout.RefName, "c")
	all := must[[]ocilayout.Descriptor](t)(layout.List(nil))
	for _, each := range []struct {
		matcher  ocilayout.Matcher
		expected string
	}{
		{nil, "a b c ab"},
		{ocilayout.AllOf(), "a b c ab"},
		{ocilayout.AnyOf(), ""},
		{is("a"), "a"},
		{annotated, "c"},
		{has("a"), "a ab"},
		{ocilayout.MatchDigests(all[0].Digest, all[2].Digest), "a c"},
		{ocilayout.MatchMediaTypes(all[0].MediaType), "a b c ab"},
		{ocilayout.MatchMediaTypes(), ""},
		{ocilayout.MatchPlatforms(*amd64), "a b c ab"},
		{ocilayout.MatchPlatforms(ocilayout.Platform{OS: "linux", Architecture: "s390x"}), ""},
		{ocilayout.Not(is("a")), "b c ab"},
		{ocilayout.Not(has("a")), "b c"},
		{ocilayout.AnyOf(is("a"), annotated), "a c"},
		{ocilayout.AnyOf(is("a"), has("b")), "a b ab"},
		{ocilayout.AllOf(has("a"), has("b")), "ab"},
		{ocilayout.AllOf(has("a"), ocilayout.Not(is("a"))), "ab"},
		{ocilayout.AllOf(ocilayout.AnyOf(is("ab"), has("c")), ocilayout.Not(annotated), ocilayout.MatchPlatforms(*amd64)), "ab"},
		{ocilayout.Not(ocilayout.Not(ocilayout.AllOf(has("a"), ocilayout.AnyOf(has("b"), is("a"))))), "a ab"},
	} {
		var found []string
		for _, entry := range must[[]ocilayout.Descriptor](t)(layout.List(each.matcher)) {
			found = append(found, entry.Reference())
		}
		equal(t, strings.Join(found, " "), each.expected)
	}
	_, err := layout.List(ocilayout.MatchPlatforms(ocilayout.Platform{}))
	asks(t, err, ocilayout.ErrInvalidArgument)
	_, err = layout.List(ocilayout.MatchDigests("x"))
	asks(t, err, ocilayout.ErrInvalidArgument)

	equal(t, must[int](t)(layout.Remove(background, has("a"))), 2)
	func() {
		defer func() { equal(t, recover() == "mine", true) }()
		layout.Remove(background, ocilayout.MatchFunc(func(ocilayout.Descriptor) bool { panic("mine") }))
	}()
	equal(t, len(must[[]ocilayout.Descriptor](t)(layout.List(nil))), 2)
}

// A matcher can be used by many calls at once, and the function may use the layout.
func TestMatcherAtOnce(t *testing.T) {
	path, layout := newLayout(t)
	entry := named(t, layout, "x")
	matcher := ocilayout.AllOf(ocilayout.MatchReference("x"), ocilayout.MatchFunc(func(d ocilayout.Descriptor) bool {
		found, err := layout.Resolve("x", nil)
		return err == nil && found.Digest == d.Digest
	}))
	var group sync.WaitGroup
	for range 20 {
		group.Add(1)
		go func() {
			defer group.Done()
			_, err := layout.Replace(background, matcher, entry, "x", nil)
			check(t, err)
		}()
	}
	group.Wait()
	equal(t, names(t, path), "x")
}

// No entry of a hundred goroutines is lost, whether or not their contexts can be done.
func TestManyEditors(t *testing.T) {
	path, layout := newLayout(t)
	other := must[*ocilayout.Layout](t)(ocilayout.Open(path, nil))
	defer other.Close()
	entry := image(t, layout, "x")
	var group sync.WaitGroup
	for i := range 100 {
		group.Add(1)
		go func() {
			defer group.Done()
			ctx, cancel := context.WithTimeout(background, time.Hour)
			defer cancel()
			check(t, []*ocilayout.Layout{layout, other}[i%2].Append(ctx, entry, fmt.Sprint("n", i), nil))
		}()
	}
	group.Wait()
	equal(t, len(strings.Fields(names(t, path))), 100)
}

func TestTransaction(t *testing.T) {
	path, unsynced := newLayout(t)
	check(t, unsynced.Close())
	layout := must[*ocilayout.Layout](t)(ocilayout.Open(path, nil))
	defer layout.Close()
	before := must[ocilayout.Descriptor](t)(layout.DescribeIndex())
	transaction := must[*ocilayout.Transaction](t)(layout.Begin())
	entry := named(t, transaction.Layout, "x")
	_, err := transaction.Begin()
	asks(t, err, ocilayout.ErrState)
	equal(t, names(t, path), "")
	must[ocilayout.Descriptor](t)(transaction.Resolve("x", nil))
	_, err = layout.Resolve("x", nil)
	asks(t, err, ocilayout.ErrNotFound)
	asks(t, transaction.CommitIf(background, digest), ocilayout.ErrConflict)
	check(t, transaction.CommitIf(background, before.Digest))
	equal(t, names(t, path), "x")
	asks(t, transaction.Commit(background), ocilayout.ErrState)
	check(t, transaction.Close())

	abandoned := must[*ocilayout.Transaction](t)(layout.Begin())
	check(t, abandoned.Append(background, entry, "y", nil))
	check(t, abandoned.Close())
	asks(t, abandoned.Commit(background), ocilayout.ErrState)
	equal(t, names(t, path), "x")
}

func TestLockTimeout(t *testing.T) {
	path, layout := newLayout(t)
	entry := image(t, layout, "x")
	defer hold(t, path)()
	check(t, layout.SetLockTimeout(0))
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	for _, ctx := range []context.Context{background, ctx} {
		asks(t, layout.Append(ctx, entry, "x", nil), ocilayout.ErrBusy)
	}
	asks(t, layout.SetThreads(-1), ocilayout.ErrInvalidArgument)
}

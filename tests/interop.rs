//! Real tools read what this library writes, and it edits what they wrote.

#![allow(unreachable_pub, reason = "a test is nobody's library")]

mod support;

mod interop {
    mod directories;
    mod edits;
    mod ggcr;
    mod images;
    mod indexes;
    mod layers;
    mod registry;
    mod rootfs;
    mod tools;
}

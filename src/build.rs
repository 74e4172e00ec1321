//! How the shared library is linked (cargo-c gives it a soname of its own).
fn main() {
    println!("cargo::rerun-if-changed=src/build.rs");
    println!("cargo::rerun-if-env-changed=CARGO_FEATURE_CAPI");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        return;
    }
    // Each copy that is loaded after one was unloaded would take another key for
    // the storage of threads from the process, which has a thousand of them.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    if std::env::var_os("CARGO_FEATURE_CAPI").is_none() {
        let part = |name| std::env::var(name).unwrap_or_default();
        let (major, minor) = (part("CARGO_PKG_VERSION_MAJOR"), part("CARGO_PKG_VERSION_MINOR"));
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libocilayout.so.{major}.{minor}");
    }
}

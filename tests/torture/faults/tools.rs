//! The tools must get on with what a stopped writer and the next one left.

use crate::support::output;
use std::path::Path;
use std::process::Command;

/// Has skopeo and umoci read the image that is called `next` and add others.
pub fn read_and_write(layout: &Path) -> Result<(), String> {
    let image = |name: &str| format!("{}:{name}", layout.display());
    let oci = |name: &str| format!("oci:{}", image(name));
    let mut inspect = Command::new("skopeo");
    run(inspect.args(["--insecure-policy", "inspect"]).arg(oci("next")))?;
    let mut copy = Command::new("skopeo");
    run(copy.args(["--insecure-policy", "copy", "--quiet"]).args([oci("next"), oci("copied")]))?;
    let mut tag = Command::new("umoci");
    run(tag.args(["tag", "--image"]).arg(image("next")).arg("tagged"))?;
    let names = run(Command::new("umoci").args(["list", "--layout"]).arg(layout))?;
    match ["next", "copied", "tagged"].iter().find(|name| !names.lines().any(|n| n == **name)) {
        Some(name) => Err(format!("umoci does not list {name:?} but {names:?}")),
        None => Ok(()),
    }
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = output(command);
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(said(&output.stdout));
    }
    Err(format!("{command:?}: {}: {}", output.status, said(&output.stderr)))
}

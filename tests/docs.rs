//! What the README and the guide show works when it is copied, the manual can be
//! rendered, and no page names what is not there.

mod support;

#[path = "c/declared.rs"]
mod declared;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use support::{compile, have_tools, library_folder, output, program, root, run};
use tempfile::TempDir;

const TOOLS: [&str; 10] =
    ["gcc", "g++", "cc", "c++", "go", "make", "pkg-config", "sh", "skopeo", "tar"];

/// A block of a page: its language, or nothing for a figure, and its lines.
struct Fence {
    language: String,
    lines: String,
}

fn fences(page: &str) -> Vec<Fence> {
    let text = read(page);
    let mut fences = Vec::new();
    let mut open: Option<Fence> = None;
    for line in text.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, None) => {}
            (None, Some(language)) => {
                open = Some(Fence { language: language.to_owned(), lines: String::new() });
            }
            (Some(_), Some(_)) => fences.extend(open.take()),
            (Some(fence), None) => fence.lines += &format!("{line}\n"),
        }
    }
    assert!(open.is_none(), "{page}: a block that does not end");
    fences
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The pages of the guide.
fn guide() -> Vec<String> {
    let folder = fs::read_dir(root().join("docs/guide")).unwrap();
    let mut pages: Vec<_> = folder
        .map(|entry| format!("docs/guide/{}", entry.unwrap().file_name().to_str().unwrap()))
        .collect();
    pages.sort();
    pages
}

const PIECE: &str = "/* the piece */\n";

/// The program into which the pieces of the guide go.
fn frame() -> String {
    let mut fences = fences("docs/guide/README.md").into_iter();
    fences.find(|fence| fence.language == "c").unwrap().lines
}

/// The prefix into which `make install` puts what this test has built.
fn installed() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let prefix = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs-prefix");
        let mut make = Command::new("make");
        make.current_dir(root()).args(["--silent", "install"]);
        for (name, file) in [("LIBRARY", "libocilayout.so"), ("ARCHIVE", "libocilayout.a")] {
            make.arg(format!("{name}={}", library_folder().join(file).display()));
        }
        run(make.arg(format!("PREFIX={}", prefix.display())));
        prefix
    })
}

/// Whether these lines for a shell run the program of this file.
fn runs(lines: &str, file: &str) -> bool {
    let command = format!("./{}", file.split_once('.').unwrap().0);
    lines.lines().any(|line| line == command || line.starts_with(&format!("{command} ")))
}

/// A folder in which a reader follows a page: the library is installed, and the
/// checkout is there.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        for name in ["include", "go", "Makefile", "Cargo.toml", "packaging", "tools"] {
            if root().join(name).exists() {
                symlink(root().join(name), desk.path(name)).unwrap();
            }
        }
        let release = desk.path("target/release");
        fs::create_dir_all(&release).unwrap();
        for name in ["libocilayout.so", "libocilayout.so.0.1"] {
            symlink(library_folder().join("libocilayout.so"), release.join(name)).unwrap();
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Compiles a piece into the frame, and says what it prints.
    fn piece(&self, lines: &str) -> String {
        let source = self.path("piece.c");
        fs::write(&source, frame().replace(PIECE, lines)).unwrap();
        let piece = self.path("piece");
        compile("gcc", &["-std=c99"], &source, &piece);
        run(program(&piece, self.0.path()).current_dir(&self.0))
    }

    /// Has a shell run some lines, and says what they print. Compilers have every warning
    /// on. What `make` would run is only looked at, since one of its targets is this test;
    /// what else takes root must be there. A folder stands in for a registry. Go's cache
    /// keeps what pkg-config has said, by the folder of the package: no -trimpath, which would
    /// leave that out and link another checkout's library.
    fn shell(&self, lines: &str) -> String {
        let strict = "-Wall -Wextra -Wpedantic -Werror";
        let prelude = [
            &format!("alias cc='cc -std=c99 {strict}'"),
            &format!("alias c++='c++ {strict}'"),
            &format!("alias go='{}'", root().join("tools/go").display()),
            r#"sudo() { if [ "$1" = make ]; then "$@"; else command -v "$1"; fi; }"#,
        ];
        let lines = lines.replace("docker://registry.example.org/my/program:1.0", "dir:registry");
        let mut shell = program("sh", self.0.path());
        shell.current_dir(&self.0).env("PKG_CONFIG_PATH", installed().join("lib/pkgconfig"));
        shell.env("MAKEFLAGS", "n").env("GOFLAGS", "-buildvcs=false");
        run(shell.args(["-euc", &format!("{}\n{lines}", prelude.join("\n"))]))
    }

    /// Saves a program under the name that its first line says.
    fn save(&self, lines: &str) -> String {
        let first = lines.lines().next().unwrap();
        let in_c = first.strip_prefix("/* ").and_then(|name| name.strip_suffix(" */"));
        let name = in_c.or_else(|| first.strip_prefix("// "));
        let name = name.unwrap_or_else(|| panic!("no file name: {first}"));
        fs::write(self.path(name), lines).unwrap();
        name.to_owned()
    }

    /// Does all that the page shows, from its top to its end. Text below a piece or the
    /// lines of a shell is what they print, and a piece prints nothing else.
    fn follow(&self, page: &str) {
        let mut fences = fences(page).into_iter().peekable();
        let mut programs = Vec::new();
        let mut printed = None;
        while let Some(Fence { language, lines }) = fences.next() {
            let is_text_next = fences.peek().is_some_and(|next| next.language == "text");
            match language.as_str() {
                "c" if lines.contains(PIECE) => {}
                "c" if lines.contains("int main(") => programs.push(self.save(&lines)),
                "cpp" | "go" => programs.push(self.save(&lines)),
                "c" => {
                    printed = Some(self.piece(&lines));
                    assert!(is_text_next || printed.as_deref() == Some(""), "{page}: {printed:?}");
                }
                "sh" => {
                    programs.retain(|name| !runs(&lines, name));
                    printed = Some(self.shell(&lines));
                }
                "text" => assert_eq!(printed.take().as_deref(), Some(lines.as_str()), "{page}"),
                // For the first see below, for the other tests/install.rs.
                "rust" | "cmake" if page == "README.md" => {}
                "" => {}
                other => panic!("{page}: a block in {other}, which nobody runs"),
            }
        }
        assert!(programs.is_empty(), "{page}: never run: {programs:?}");
    }
}

#[test]
fn the_readme_can_be_followed() {
    if !have_tools(&TOOLS) {
        return;
    }
    let desk = Desk::new();
    desk.follow("README.md");
    let layout = ocilayout::Layout::open(desk.path("layout")).unwrap();
    for (program_of, name) in [("first", "latest"), ("second", "second"), ("third", "third")] {
        let image = layout.resolve(name, Some(&"linux/amd64".parse().unwrap())).unwrap();
        let layer = layout.children(&image).unwrap().remove(1);
        let layer = desk.path("layout/blobs/sha256").join(layer.digest().encoded());
        assert_eq!(run(Command::new("tar").arg("-tzf").arg(layer)), "hostname\n");
        let mut refused = program(desk.path(program_of), desk.0.path());
        refused.current_dir(&desk.0).args(["layout", "none", "no such file"]);
        assert!(!output(&mut refused).status.success(), "{program_of} packs what is not there");
    }
}

#[test]
fn the_guide_can_be_followed() {
    if !have_tools(&TOOLS) {
        return;
    }
    for page in guide() {
        Desk::new().follow(&page);
    }
}

#[test]
fn the_guide_leads_to_each_of_its_pages() {
    let start = read("docs/guide/README.md");
    for page in guide().iter().filter(|page| !page.ends_with("README.md")) {
        let name = page.rsplit_once('/').unwrap().1;
        assert!(start.contains(&format!("]({name})")), "no way to {page}");
    }
}

#[test]
fn the_lines_of_rust_pack_a_layer() {
    let scratch = tempfile::tempdir().unwrap();
    let mut fences = fences("README.md").into_iter();
    let lines = fences.find(|fence| fence.language == "rust").unwrap().lines;
    let lines = lines.replace("\"layout\"", "format!(\"{folder}/layout\")");
    let lines = lines.replace("\"layer.tar\"", "format!(\"{folder}/layer.tar\")");
    let folder = scratch.path().join("example");
    fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"example\"\nedition = \"2024\"\n[workspace]\n\
         [dependencies]\nocilayout = {{ path = {:?} }}\n",
        root()
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let main = format!(
        "fn main() -> Result<(), Box<dyn std::error::Error>> {{\n\
         let folder = std::env::args().nth(1).unwrap();\n{lines}\nOk(())\n}}\n"
    );
    fs::write(folder.join("src/main.rs"), main).unwrap();
    fs::write(scratch.path().join("layer.tar"), [0; 1024]).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(&folder).args(["run", "--quiet", "--offline", "--"]).arg(scratch.path());
    cargo.env("CARGO_TARGET_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/readme"));
    run(&mut cargo);
    let layout = ocilayout::Layout::open(scratch.path().join("layout")).unwrap();
    assert_eq!(layout.resolve("latest", None).unwrap().reference(), Some("latest"));
}

/// Doxygen takes all of it without a word, and each function has its place.
#[test]
fn the_manual_can_be_rendered() {
    if !have_tools(&["doxygen"]) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let config = format!(
        "{}\nOUTPUT_DIRECTORY = {}\n",
        read("docs/doxygen/Doxyfile"),
        scratch.path().display()
    );
    fs::write(scratch.path().join("Doxyfile"), config).unwrap();
    let mut doxygen = Command::new("doxygen");
    let output = output(doxygen.current_dir(root()).arg(scratch.path().join("Doxyfile")));
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success() && said.is_empty(), "{}: {said}", output.status);
    let html = |name: &str| fs::read_to_string(scratch.path().join("html").join(name)).unwrap();
    let manual = html("ocilayout_8h.html");
    for name in declared::functions() {
        assert!(manual.contains(&format!("\">{name}</a>")), "{name} has no place");
    }
    // The first link to a code is in the list of all.
    for (name, _) in codes() {
        let links = manual.matches(&format!("\">{name}</a>")).count();
        assert!(links > 1, "nothing leads to {name}");
    }
    assert!(!manual.contains("\"#OCILAYOUT") && !manual.contains(" #OCILAYOUT"), "no link");
    for heading in read("include/ocilayout.h").lines().filter_map(|l| l.strip_prefix(" * ## ")) {
        assert!(manual.contains(&format!("{heading}</h2>")), "{heading} has no place");
    }
    assert!(html("index.html").contains("What a layout is"), "it does not begin with the guide");
    // The chapters are there, and what they name leads into the manual.
    for page in guide().iter().filter(|page| !page.ends_with("README.md")) {
        let name = page.rsplit_once('/').unwrap().1.trim_end_matches(".md").replace('-', "_");
        let page = html(&format!("md_docs_guide_{name}.html"));
        assert!(
            page.contains("<code><a class=\"el\" href=\"ocilayout_8h.html#"),
            "{name}: no links"
        );
    }
}

/// The names of this library in a text, in either case.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours =
        words.filter(|word| word.starts_with("ocilayout_") || word.starts_with("OCILAYOUT_"));
    ours.map(str::to_owned).collect()
}

#[test]
fn no_page_names_what_is_not_in_the_header() {
    let header = names(&read("include/ocilayout.h"));
    let pages = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "docs/man/ocilayout.3"];
    for page in pages.map(str::to_owned).into_iter().chain(guide()) {
        for name in names(&read(&page)) {
            let is_there = header.contains(&name)
                || name.ends_with('_') && header.iter().any(|known| known.starts_with(&name));
            assert!(is_there, "{page}: {name} is not in the header");
        }
    }
}

/// The codes as the header lists them: name and number.
fn codes() -> Vec<(String, i32)> {
    let text = read("include/ocilayout.h");
    let code = |line: &str| {
        let (name, number) = line.strip_prefix("#define ")?.split_once(' ')?;
        let is_code = name == "OCILAYOUT_OK" || name.starts_with("OCILAYOUT_ERR_");
        is_code.then(|| (name.to_owned(), number.parse().unwrap()))
    };
    text.lines().filter_map(code).collect()
}

#[test]
fn the_man_page_lists_the_codes_of_the_header() {
    let listed: Vec<(String, i32)> = read("docs/man/ocilayout.3")
        .lines()
        .filter_map(|line| line.strip_prefix(".It Dv OCILAYOUT_"))
        .map(|item| {
            let (name, number) = item.split_once(" Pq ").unwrap();
            let number = number.trim_start_matches('\\');
            (format!("OCILAYOUT_{name}"), number.parse().unwrap())
        })
        .collect();
    assert_eq!(listed, codes());
}

#[test]
fn the_man_page_is_well_formed() {
    if !have_tools(&["mandoc", "groff"]) {
        return;
    }
    let page = root().join("docs/man/ocilayout.3");
    assert_eq!(run(Command::new("mandoc").args(["-T", "lint", "-W", "warning"]).arg(&page)), "");
    let groff = output(Command::new("groff").args(["-mdoc", "-ww", "-z", "-Tutf8"]).arg(&page));
    assert!(groff.status.success() && groff.stderr.is_empty(), "{groff:?}");
}

/// The program in the man page, in which a backslash is written as `\e`.
#[test]
fn the_program_of_the_man_page_makes_an_image() {
    if !have_tools(&TOOLS) {
        return;
    }
    let page = read("docs/man/ocilayout.3");
    let (_, behind) = page.split_once(".Bd -literal\n").unwrap();
    let lines = behind.split_once(".Ed\n").unwrap().0.replace("\\e", "\\");
    let desk = Desk::new();
    fs::write(desk.path("man.c"), lines).unwrap();
    compile("gcc", &["-std=c99"], desk.path("man.c"), &desk.path("man"));
    desk.shell("tar -C /etc -c hostname | ./man");
    let inspect = "skopeo inspect --format '{{.Os}}/{{.Architecture}}' oci:layout:latest";
    assert_eq!(desk.shell(inspect), "linux/amd64\n");
}

//! The files of the repository, read once.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Folders that hold what is built or fetched.
const NOT_OURS: [&str; 5] = ["target", ".git", "node_modules", "__pycache__", ".venv"];
/// How the files that people write end.
const TEXT: [&str; 12] = ["rs", "toml", "wit", "wat", "md", "py", "sh", "js", "go", "c", "h", "yml"];

/// Every text file of the repository.
pub struct Tree {
    files: Vec<SourceFile>,
}

/// One text file.
pub struct SourceFile {
    /// Path from the repository's root, with slashes.
    pub path: String,
    /// Its text.
    pub text: String,
}

impl Tree {
    /// Reads the repository that this package lies in.
    pub fn of_the_repository() -> Self {
        let root = root();
        let mut files = Vec::new();
        collect(&root, &root, &mut files);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        assert!(files.len() > 30, "only {} files were found below {}", files.len(), root.display());
        Self { files }
    }

    /// A tree of these paths and texts.
    pub fn of(files: Vec<(String, String)>) -> Self {
        Self { files: files.into_iter().map(|(path, text)| SourceFile { path, text }).collect() }
    }

    /// All text files.
    pub fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter()
    }

    /// The Rust files.
    pub fn rust(&self) -> impl Iterator<Item = &SourceFile> {
        self.with_extension("rs")
    }

    /// The files that end so.
    pub fn with_extension(&self, extension: &str) -> impl Iterator<Item = &SourceFile> {
        let end = format!(".{extension}");
        self.files.iter().filter(move |file| file.path.ends_with(&end))
    }

    /// The file at a path from the root.
    pub fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }
}

impl SourceFile {
    /// Lines with their numbers, counted from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(at, line)| (at + 1, line))
    }

    /// Lines before the unit tests, with their numbers: what runs in production.
    pub fn lines_before_tests(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().take_while(|(_, line)| *line != "#[cfg(test)]")
    }
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the repository").to_owned()
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<SourceFile>) {
    for entry in fs::read_dir(folder).expect("the repository can be read") {
        let path = entry.expect("the repository can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !NOT_OURS.contains(&name.as_str()) {
            collect(root, &path, files);
        } else if is_text(&path) {
            let relative = path.strip_prefix(root).expect("the walk starts at the root");
            let text =
                fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            files.push(SourceFile { path: relative.to_string_lossy().replace('\\', "/"), text });
        }
    }
}

fn is_text(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
    path.is_file() && (TEXT.contains(&extension.as_str()) || path.ends_with(".ci/run"))
}

//! Lines with their ends, for the formats that are edited line by line.

/// A line of a file: its bytes without the end, and the end (`\n`, `\r\n` or, at most for the last, nothing).
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub text: &'a [u8],
    pub end: &'a [u8],
}

/// How many lines a file has, to be asked before it is split.
pub(super) fn count(file: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', file).count() + 1
}

/// Splits a file; no bytes are lost.
pub(super) fn split(file: &[u8]) -> Vec<Line<'_>> {
    file.split_inclusive(|byte| *byte == b'\n')
        .map(|line| {
            let length = match line {
                [.., b'\r', b'\n'] => 2,
                [.., b'\n'] => 1,
                _ => 0,
            };
            let (text, end) = line.split_at(line.len() - length);
            Line { text, end }
        })
        .collect()
}

/// The line end that the file uses, by its first line.
pub(super) fn end_of<'a>(lines: &[Line<'a>]) -> &'a [u8] {
    match lines.first() {
        Some(line) if line.end.len() == 2 => line.end,
        _ => b"\n",
    }
}

/// Adds a line end if the text before lacks one.
pub(super) fn close(out: &mut Vec<u8>, end: &[u8]) {
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.extend_from_slice(end);
    }
}

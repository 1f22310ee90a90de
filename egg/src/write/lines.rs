//! Lines with their ends, for the formats that are edited line by line.

/// A line of a file: its bytes without the end, and the end (`\n`, `\r\n` or, at most for the last, nothing).
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub text: &'a [u8],
    pub end: &'a [u8],
}

/// What ends the lines of a file: `\r` only where there is no `\n` at all, as old Macs wrote it.
fn mark(file: &[u8]) -> u8 {
    match memchr::memchr2(b'\n', b'\r', file).and_then(|at| file.get(at)) {
        Some(b'\r') if memchr::memchr(b'\n', file).is_none() => b'\r',
        _ => b'\n',
    }
}

/// How many lines a file has, to be asked before it is split.
pub(super) fn count(file: &[u8]) -> usize {
    memchr::memchr_iter(mark(file), file).count() + 1
}

/// Splits a file; no bytes are lost.
pub(super) fn split(file: &[u8]) -> Vec<Line<'_>> {
    let mark = mark(file);
    file.split_inclusive(|byte| *byte == mark)
        .map(|line| {
            let length = match line {
                [.., b'\r', b'\n'] => 2,
                // A lone one at the very end would be half of a line end as soon as a line is added.
                [.., b'\r'] => 1,
                [.., last] if *last == mark => 1,
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
        Some(line) if !line.end.is_empty() => line.end,
        _ => b"\n",
    }
}

/// The line end that a text uses, by its first line.
pub(super) fn end_of_text(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// Our own `\n` as the file has them.
pub(super) fn with_ends(text: String, end: &str) -> String {
    match end {
        "\n" => text,
        end => text.replace('\n', end),
    }
}

/// Adds a line; a file whose last line had no end goes on without one.
pub(super) fn append(out: &mut Vec<u8>, line: &[u8], end: &[u8]) {
    let open = !out.is_empty() && !out.ends_with(end);
    if open {
        out.extend_from_slice(end);
    }
    out.extend_from_slice(line);
    if !open {
        out.extend_from_slice(end);
    }
}

//! Cutting output into lines, of whatever bytes it consists.

/// Most bytes of a line that are held, 1 MB. The rest of a longer line is dropped: a line of the log has
/// 16 KB.
const MAX_HELD: usize = 1024 * 1024;

/// The line of a stream that has not ended yet.
#[derive(Debug, Default)]
pub(super) struct LineSplitter {
    line: Vec<u8>,
}

impl LineSplitter {
    /// Takes bytes, and calls `each` with every line that ended in them, without its line break.
    pub(super) fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(&[u8])) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.append(&bytes[..end]);
            each(&self.line);
            self.line.clear();
            bytes = &bytes[end + 1..];
        }
        self.append(bytes);
    }

    /// The line that ended without a line break; `None` if there is none.
    pub(super) fn rest(self) -> Option<Vec<u8>> {
        Some(self.line).filter(|line| !line.is_empty())
    }

    fn append(&mut self, bytes: &[u8]) {
        self.line.extend_from_slice(bytes);
        if MAX_HELD < self.line.len() {
            // A progress bar that is written over itself for hours: what counts is the last text.
            let written = self.line.len() - 1;
            if let Some(over) = self.line[..written].iter().rposition(|byte| *byte == b'\r') {
                self.line.drain(..over);
            }
            self.line.truncate(MAX_HELD);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Option<Vec<u8>>) {
        let (mut splitter, mut lines) = (LineSplitter::default(), Vec::new());
        for piece in pieces {
            splitter.feed(piece, |line| lines.push(line.to_vec()));
        }
        (lines, splitter.rest())
    }

    #[test]
    fn lines_end_where_the_output_says_however_it_is_cut() {
        let whole = b"one\n\ntwo\xff\r\nthree";
        let want =
            (vec![b"one".to_vec(), b"".to_vec(), b"two\xff\r".to_vec()], Some(b"three".to_vec()));
        assert_eq!(split(&[whole]), want);
        let bytes: Vec<&[u8]> = whole.chunks(1).collect();
        assert_eq!(split(&bytes), want);
        assert_eq!(split(&[b"one\n"]), (vec![b"one".to_vec()], None));
        assert_eq!(split(&[]), (vec![], None));
    }

    #[test]
    fn a_line_without_end_is_held_within_bounds() {
        let (lines, rest) = split(&[&vec![b'x'; 3 * MAX_HELD], b"\nnext"]);
        assert_eq!((lines.len(), lines[0].len()), (1, MAX_HELD));
        assert_eq!(rest, Some(b"next".to_vec()));
        let bar = b"\r10 % done".repeat(MAX_HELD / 5);
        let (_, rest) = split(&[&bar, b"\r99 % done"]);
        let rest = rest.expect("a line");
        assert!(rest.len() < MAX_HELD && rest.ends_with(b"\r99 % done"), "{}", rest.len());
    }
}

//! RFC 1951 as plainly as it can be written, without the library's own code, so that both can't be wrong in the same way.

/// The largest distance (§2).
const WINDOW: usize = 32 << 10;

/// What the payload of a message (RFC 7692 §7.2.1) becomes after `history`, and the farthest that it reaches back. Nothing
/// for what is not valid or does not end where a message does.
pub fn inflate(payload: &[u8], history: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut bits, mut out, mut farthest) = (Bits { bytes: payload, at: 0 }, history.to_vec(), 0);
    loop {
        let (last, kind) = (bits.take(1)?, bits.take(2)?);
        match kind {
            0 => {
                bits.at = bits.at.next_multiple_of(8);
                // The header alone: the end of a message.
                if bits.left() == 0 {
                    return Some((out.split_off(history.len()), farthest));
                }
                let (length, inverse) = (bits.take(16)?, bits.take(16)?);
                if length != inverse ^ 0xffff {
                    return None;
                }
                for _ in 0..length {
                    out.push(bits.take(8)? as u8);
                }
            }
            1 => {
                let length = |symbol| [8, 9, 7, 8][[144, 256, 280].iter().filter(|&&from| symbol >= from).count()];
                let literals = Code::new(&(0..288).map(length).collect::<Vec<u8>>(), false)?;
                block(&mut bits, &literals, &Code::new(&[5; 32], false)?, &mut out, &mut farthest)?;
            }
            2 => {
                let (literals, distances) = dynamic(&mut bits)?;
                block(&mut bits, &literals, &distances, &mut out, &mut farthest)?;
            }
            _ => return None,
        }
        if last == 1 {
            bits.at = bits.at.next_multiple_of(8);
        }
    }
}

struct Bits<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Bits<'_> {
    fn left(&self) -> usize {
        self.bytes.len() * 8 - self.at
    }

    fn take(&mut self, count: usize) -> Option<usize> {
        let bit = |at: usize| Some(usize::from(self.bytes.get(at / 8)? >> (at % 8) & 1));
        let value = (0..count).try_fold(0, |value, n| Some(value | bit(self.at + n)? << n))?;
        self.at += count;
        Some(value)
    }
}

/// §3.2.2: how many codes of each length there are, and the symbols in the order of their codes.
struct Code {
    counts: [usize; 16],
    symbols: Vec<usize>,
}

impl Code {
    /// Neither more codes than there is room for, nor fewer, unless there is but one (§3.2.7: "If only one distance code is
    /// used, it is encoded using one bit, not zero bits") or none.
    fn new(lengths: &[u8], one_is_enough: bool) -> Option<Code> {
        let mut symbols: Vec<usize> = (0..lengths.len()).filter(|&symbol| lengths[symbol] > 0).collect();
        symbols.sort_by_key(|&symbol| lengths[symbol]);
        let mut counts = [0; 16];
        symbols.iter().for_each(|&symbol| counts[usize::from(lengths[symbol])] += 1);
        let used: usize = (1..16).map(|length| counts[length] << (15 - length)).sum();
        let few = one_is_enough && (symbols.is_empty() || counts[1] == 1 && symbols.len() == 1);
        (used == 1 << 15 || few).then_some(Code { counts, symbols })
    }

    fn symbol(&self, bits: &mut Bits) -> Option<usize> {
        let (mut code, mut first, mut before) = (0, 0, 0);
        for count in &self.counts[1..] {
            code |= bits.take(1)?;
            if code < first + count {
                return Some(self.symbols[before + code - first]);
            }
            (before, first, code) = (before + count, (first + count) << 1, code << 1);
        }
        None
    }
}

/// §3.2.7.
fn dynamic(bits: &mut Bits) -> Option<(Code, Code)> {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let (literals, distances, count) = (bits.take(5)? + 257, bits.take(5)? + 1, bits.take(4)? + 4);
    if literals > 286 || distances > 30 {
        return None;
    }
    let mut lengths = [0; 19];
    for &place in &ORDER[..count] {
        lengths[place] = bits.take(3)? as u8;
    }
    let code = Code::new(&lengths, false)?;
    let mut lengths: Vec<u8> = Vec::new();
    while lengths.len() < literals + distances {
        let (value, times) = match code.symbol(bits)? {
            16 => (*lengths.last()?, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            18 => (0, 11 + bits.take(7)?),
            length => (length as u8, 1),
        };
        lengths.extend(std::iter::repeat_n(value, times));
    }
    // Nothing repeats beyond the end, and a block can end.
    if lengths.len() > literals + distances || lengths[256] == 0 {
        return None;
    }
    let (literals, distances) = lengths.split_at(literals);
    Some((Code::new(literals, true)?, Code::new(distances, true)?))
}

/// §3.2.5.
fn block(bits: &mut Bits, literals: &Code, distances: &Code, out: &mut Vec<u8>, farthest: &mut usize) -> Option<()> {
    loop {
        let length = match literals.symbol(bits)? {
            256 => return Some(()),
            byte @ ..256 => {
                out.push(byte as u8);
                continue;
            }
            285 => 258,
            286.. => return None,
            symbol @ ..265 => symbol - 254,
            symbol => {
                let extra = (symbol - 261) / 4;
                ((4 + (symbol - 265) % 4) << extra) + 3 + bits.take(extra)?
            }
        };
        let distance = match distances.symbol(bits)? {
            symbol @ ..4 => symbol + 1,
            30.. => return None,
            symbol => {
                let extra = symbol / 2 - 1;
                ((2 + symbol % 2) << extra) + 1 + bits.take(extra)?
            }
        };
        if distance > WINDOW {
            return None;
        }
        *farthest = distance.max(*farthest);
        for _ in 0..length {
            out.push(*out.get(out.len().checked_sub(distance)?)?);
        }
    }
}

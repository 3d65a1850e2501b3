//! Vector code picked at run time: masking of payloads (RFC 6455 §5.3), and whether bytes are ASCII, which is UTF-8
//! (simdutf8 checks the rest).
//!
//! Called by `proto::mask` and `proto::utf8`. The library is built for the baseline CPU; each function here asks the CPU once (std
//! caches the answer) and takes the widest form it has. Invariant: all forms give the same bytes as [`xor_scalar`].

/// Whether all bytes are ASCII. `false` may also mean that this CPU has no quick way to tell.
#[inline(always)]
pub(crate) fn is_ascii(data: &[u8]) -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512bw") {
            // SAFETY: the CPU has AVX-512BW, and with it F.
            return unsafe { x86::is_ascii_avx512(data) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the CPU has AVX2.
            return unsafe { x86::is_ascii_avx2(data) };
        }
    }
    false
}

/// XORs `data` with `key` repeated, beginning with its first byte.
#[inline(always)]
pub(crate) fn xor(data: &mut [u8], key: [u8; 4]) {
    xor_and_look::<false>(data, key);
}

/// The same, and whether the result is ASCII as [`is_ascii`] says it, in one pass.
#[inline(always)]
pub(crate) fn xor_is_ascii(data: &mut [u8], key: [u8; 4]) -> bool {
    xor_and_look::<true>(data, key)
}

/// `LOOK`: the result tells whether all bytes are ASCII; else it means nothing.
#[inline(always)]
fn xor_and_look<const LOOK: bool>(data: &mut [u8], key: [u8; 4]) -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512bw") {
            // SAFETY: the CPU has AVX-512BW, and with it F.
            return unsafe { x86::xor_avx512::<LOOK>(data, key) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the CPU has AVX2.
            return unsafe { x86::xor_avx2::<LOOK>(data, key) };
        }
    }
    xor_scalar(data, key);
    false
}

/// The form for every CPU. Eight bytes at a time; compilers make baseline vector code of it.
fn xor_scalar(data: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut words = data.chunks_exact_mut(8);
    for word in &mut words {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(word);
        word.copy_from_slice(&(u64::from_ne_bytes(bytes) ^ wide).to_ne_bytes());
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    /// Four vectors a turn, then one, then a masked one for the tail: no byte loop at all.
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn xor_avx512<const LOOK: bool>(data: &mut [u8], key: [u8; 4]) -> bool {
        let mut all = _mm512_setzero_si512();
        let wide = _mm512_set1_epi32(i32::from_ne_bytes(key));
        let (mut p, mut left) = (data.as_mut_ptr(), data.len());
        // SAFETY: `p` has `left` bytes of `data` behind it: both move together. A turn of the first loop touches 256 of
        // them, one of the second 64, and the last access only the `left` lanes of its mask. Unaligned access is allowed.
        unsafe {
            while left >= 256 {
                for i in 0..4 {
                    let at = p.add(i * 64).cast();
                    let bytes = _mm512_xor_si512(_mm512_loadu_si512(at), wide);
                    _mm512_storeu_si512(at, bytes);
                    all = if LOOK { _mm512_or_si512(all, bytes) } else { all };
                }
                (p, left) = (p.add(256), left - 256);
            }
            while left >= 64 {
                let bytes = _mm512_xor_si512(_mm512_loadu_si512(p.cast()), wide);
                _mm512_storeu_si512(p.cast(), bytes);
                all = if LOOK { _mm512_or_si512(all, bytes) } else { all };
                (p, left) = (p.add(64), left - 64);
            }
            if left > 0 {
                let lanes = (1u64 << left) - 1;
                let bytes = _mm512_maskz_loadu_epi8(lanes, p.cast());
                let bytes = _mm512_maskz_mov_epi8(lanes, _mm512_xor_si512(bytes, wide));
                _mm512_mask_storeu_epi8(p.cast(), lanes, bytes);
                all = if LOOK { _mm512_or_si512(all, bytes) } else { all };
            }
        }
        LOOK && _mm512_movepi8_mask(all) == 0
    }

    /// ORs all vectors: a byte that is not ASCII has its highest bit set.
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn is_ascii_avx512(data: &[u8]) -> bool {
        let mut all = _mm512_setzero_si512();
        let mut blocks = data.chunks_exact(256);
        for block in &mut blocks {
            let p = block.as_ptr();
            for i in 0..4 {
                // SAFETY: `block` has 256 bytes, so 64 from i * 64 are inside; unaligned access is allowed.
                all = _mm512_or_si512(all, unsafe { _mm512_loadu_si512(p.add(i * 64).cast()) });
            }
        }
        let mut vectors = blocks.remainder().chunks_exact(64);
        for vector in &mut vectors {
            // SAFETY: `vector` has 64 bytes; unaligned access is allowed.
            all = _mm512_or_si512(all, unsafe { _mm512_loadu_si512(vector.as_ptr().cast()) });
        }
        let tail = vectors.remainder();
        let lanes = (1u64 << tail.len()) - 1;
        // SAFETY: `tail` has fewer than 64 bytes and `lanes` a bit for each: no other byte is read.
        all = _mm512_or_si512(all, unsafe { _mm512_maskz_loadu_epi8(lanes, tail.as_ptr().cast()) });
        _mm512_movepi8_mask(all) == 0
    }

    /// The same with 32 bytes; what is shorter is looked at byte by byte.
    #[target_feature(enable = "avx2")]
    pub(super) fn is_ascii_avx2(data: &[u8]) -> bool {
        let length = data.len();
        if length < 32 {
            return data.iter().all(|byte| byte.is_ascii());
        }
        let p = data.as_ptr();
        // SAFETY: `data` has at least 32 bytes, and every access is to 32 of them: the last 32, or 32 from an `i` with
        // i + 32 <= length. Unaligned access is allowed.
        unsafe {
            let mut all = _mm256_loadu_si256(p.add(length - 32).cast());
            let mut i = 0;
            while i + 64 <= length {
                let two =
                    _mm256_or_si256(_mm256_loadu_si256(p.add(i).cast()), _mm256_loadu_si256(p.add(i + 32).cast()));
                all = _mm256_or_si256(all, two);
                i += 64;
            }
            if i + 32 <= length {
                all = _mm256_or_si256(all, _mm256_loadu_si256(p.add(i).cast()));
            }
            _mm256_movemask_epi8(all) == 0
        }
    }

    /// Two vectors a turn. The tail is the last 32 bytes, read before the others are written.
    #[target_feature(enable = "avx2")]
    pub(super) fn xor_avx2<const LOOK: bool>(data: &mut [u8], key: [u8; 4]) -> bool {
        let length = data.len();
        if length < 32 {
            super::xor_scalar(data, key);
            return LOOK && data.is_ascii();
        }
        let wide = _mm256_set1_epi32(i32::from_ne_bytes(key));
        let turned = u32::from_le_bytes(key).rotate_right(8 * ((length - 32) % 4) as u32);
        let turned = _mm256_set1_epi32(turned as i32);
        let p = data.as_mut_ptr();
        // SAFETY: `data` has at least 32 bytes, and every access is to 32 of them: the last 32, or 32 from an `i`
        // with i + 32 <= length. Unaligned access is allowed.
        unsafe {
            let end = p.add(length - 32).cast::<__m256i>();
            let tail = _mm256_xor_si256(_mm256_loadu_si256(end), turned);
            let mut all = tail;
            let mut i = 0;
            while i + 64 <= length {
                let (a, b) = (p.add(i).cast::<__m256i>(), p.add(i + 32).cast::<__m256i>());
                let first = _mm256_xor_si256(_mm256_loadu_si256(a), wide);
                let second = _mm256_xor_si256(_mm256_loadu_si256(b), wide);
                _mm256_storeu_si256(a, first);
                _mm256_storeu_si256(b, second);
                all = if LOOK { _mm256_or_si256(all, _mm256_or_si256(first, second)) } else { all };
                i += 64;
            }
            if i + 32 <= length {
                let a = p.add(i).cast::<__m256i>();
                let bytes = _mm256_xor_si256(_mm256_loadu_si256(a), wide);
                _mm256_storeu_si256(a, bytes);
                all = if LOOK { _mm256_or_si256(all, bytes) } else { all };
            }
            _mm256_storeu_si256(end, tail);
            LOOK && _mm256_movemask_epi8(all) == 0
        }
    }
}

#[cfg(test)]
mod tests {
    /// Every form against the plain definition, at every length around the vector sizes and every alignment.
    #[test]
    fn all_forms_agree_with_the_definition() {
        let mixed: Vec<u8> = (0..1100u32).map(|i| (i * 31 % 251) as u8).collect();
        let ascii: Vec<u8> = (0..1100u32).map(|i| (i * 31 % 127) as u8).collect();
        all_forms_agree(&mixed, [0x37, 0xfa, 0x21, 0x3d]);
        all_forms_agree(&ascii, [0x37, 0x7a, 0x21, 0x3d]);
    }

    fn all_forms_agree(source: &[u8], key: [u8; 4]) {
        for length in (0..=300).chain([511, 512, 513, 1024, 1031]) {
            for start in [0, 1, 3, 8] {
                let plain: Vec<u8> = (0..length).map(|i| source[start + i] ^ key[i % 4]).collect();
                type Form = fn(&mut [u8], [u8; 4]) -> Option<bool>;
                let mut forms: Vec<Form> = vec![
                    |data, key| {
                        super::xor(data, key);
                        None
                    },
                    |data, key| {
                        super::xor_scalar(data, key);
                        None
                    },
                ];
                #[cfg(target_arch = "x86_64")]
                {
                    if is_x86_feature_detected!("avx2") {
                        // SAFETY: the CPU has AVX2.
                        forms.push(|data, key| Some(unsafe { super::x86::xor_avx2::<true>(data, key) }));
                    }
                    if is_x86_feature_detected!("avx512bw") {
                        // SAFETY: the CPU has AVX-512BW.
                        forms.push(|data, key| Some(unsafe { super::x86::xor_avx512::<true>(data, key) }));
                    }
                }
                for (n, form) in forms.iter().enumerate() {
                    let mut bytes = source.to_vec();
                    let ascii = form(&mut bytes[start..start + length], key);
                    assert!(ascii.is_none_or(|ascii| ascii == plain.is_ascii()), "form {n}, length {length}");
                    assert_eq!(bytes[start..start + length], plain, "form {n}, length {length}");
                    assert_eq!(bytes[..start], source[..start], "form {n}: before");
                    assert_eq!(bytes[start + length..], source[start + length..], "form {n}: after");
                }
            }
        }
    }

    /// A single byte above ASCII is found wherever it is.
    #[test]
    fn ascii_is_told_from_the_rest() {
        let mut forms: Vec<fn(&[u8]) -> bool> = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the CPU has AVX2.
                forms.push(|data| unsafe { super::x86::is_ascii_avx2(data) });
            }
            if is_x86_feature_detected!("avx512bw") {
                // SAFETY: the CPU has AVX-512BW.
                forms.push(|data| unsafe { super::x86::is_ascii_avx512(data) });
            }
        }
        for form in forms {
            for length in (0..=200).chain([255, 256, 257, 600]) {
                let mut bytes = vec![0x7f; length + 1];
                bytes[length] = 0x80; // behind the end: must not be looked at
                assert!(form(&bytes[..length]), "{length}");
                for at in 0..length {
                    bytes[at] = 0x80;
                    assert!(!form(&bytes[..length]), "{at} of {length}");
                    bytes[at] = 0x7f;
                }
            }
        }
    }
}

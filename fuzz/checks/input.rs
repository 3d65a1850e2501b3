//! What a check is to do, read from the input one choice after the other. Behind its end stand zeros.

pub(super) struct Input<'d>(&'d [u8]);

impl<'d> Input<'d> {
    pub(super) fn new(data: &'d [u8]) -> Input<'d> {
        Input(data)
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        byte
    }

    pub(super) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// One of `choices`.
    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }

    /// Up to 70,000, dense around the lengths at which a frame's header changes.
    pub(super) fn size(&mut self) -> usize {
        match usize::from(self.byte()) {
            size @ ..=130 => size,
            size @ ..=200 => (size - 130) * 60,
            size @ ..=250 => (size - 200) * 1400,
            size => 65_533 + size - 251,
        }
    }

    /// The next bytes, as many as a byte says.
    pub(super) fn bytes(&mut self, most: usize) -> &'d [u8] {
        let length = usize::from(self.byte()) % (most + 1);
        let (bytes, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    pub(super) fn rest(self) -> &'d [u8] {
        self.0
    }
}

//! Latencies, counted in buckets that are 1.6 % wide.

/// The upper half of a number as `f32` is its exponent and the first bits of its fraction: that is the bucket.
const SHIFT: u32 = f32::MANTISSA_DIGITS - 1 - 6;
const BUCKETS: usize = 1 << (31 - SHIFT);

/// How often which latency came.
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    pub fn new() -> Self {
        Histogram { counts: vec![0; BUCKETS], total: 0 }
    }

    pub fn record(&mut self, nanoseconds: u64) {
        self.counts[(nanoseconds as f32).to_bits() as usize >> SHIFT] += 1;
        self.total += 1;
    }

    /// The latency that `percent` of all don't exceed, in microseconds.
    pub fn percentile(&self, percent: f64) -> f64 {
        let wanted = (self.total as f64 * percent / 100.0).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted.max(1) {
                let middle = ((bucket << SHIFT) + (1 << (SHIFT - 1))) as u32;
                return f64::from(f32::from_bits(middle)) / 1000.0;
            }
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_a_thousand() {
        let mut histogram = Histogram::new();
        (1..=1000).for_each(|microseconds| histogram.record(microseconds * 1000));
        for percent in [1.0, 50.0, 99.0, 100.0] {
            let error = histogram.percentile(percent) / (percent * 10.0) - 1.0;
            assert!(error.abs() < 0.016, "{percent} % is off by {error}");
        }
        assert_eq!(Histogram::new().percentile(50.0), 0.0);
    }
}

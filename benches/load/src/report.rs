//! The line of JSON that is printed.

/// Names and values, in the order in which they were added.
#[derive(Default)]
pub struct Report(Vec<String>);

impl Report {
    pub fn number(&mut self, name: &str, value: f64, digits: usize) {
        self.0.push(format!("\"{name}\": {value:.digits$}"));
    }

    pub fn count(&mut self, name: &str, value: u64) {
        self.0.push(format!("\"{name}\": {value}"));
    }

    pub fn text(&mut self, name: &str, value: &str) {
        self.0.push(format!("\"{name}\": \"{}\"", value.replace(['"', '\\'], "'")));
    }

    pub fn json(&self) -> String {
        format!("{{{}}}", self.0.join(", "))
    }
}

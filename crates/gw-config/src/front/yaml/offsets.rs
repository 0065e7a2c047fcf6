//! From the parser's characters to our bytes.

/// Characters between two remembered places.
const STEP: usize = 256;

/// Knows where each character of a text starts.
pub(super) struct Offsets<'a> {
    text: &'a str,
    /// Where every `STEP`th character starts; empty if characters are bytes.
    steps: Vec<usize>,
}

impl<'a> Offsets<'a> {
    /// Measures a text.
    pub(super) fn new(text: &'a str) -> Self {
        let steps = match text.is_ascii() {
            true => Vec::new(),
            false => text.char_indices().step_by(STEP).map(|(at, _)| at).collect(),
        };
        Self { text, steps }
    }

    /// The byte at which a character starts; the text's end if there is no such character.
    pub(super) fn byte(&self, character: usize) -> usize {
        if self.steps.is_empty() {
            return character.min(self.text.len());
        }
        let Some(start) = self.steps.get(character / STEP) else { return self.text.len() };
        let mut rest = self.text[*start..].char_indices();
        rest.nth(character % STEP).map_or(self.text.len(), |(at, _)| start + at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character() {
        let text: String = "aß→😀\n".chars().cycle().take(3 * STEP + 7).collect();
        let offsets = Offsets::new(&text);
        for (character, (at, _)) in text.char_indices().enumerate() {
            assert_eq!(offsets.byte(character), at);
        }
        for behind in [0, 1, STEP, 10 * STEP] {
            assert_eq!(offsets.byte(text.chars().count() + behind), text.len());
        }
        assert_eq!(Offsets::new("abc").byte(7), 3);
    }
}

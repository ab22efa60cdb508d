//! Sizes seen in two recordings, and how they follow from the sizes that are known at run time.

/// A size in both recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Seen {
    pub first: i64,
    pub second: i64,
}

/// How a size is computed from symbols, which are the sizes that some tensor has at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Fixed(i64),
    /// The product of `factor` and the symbols.
    Product {
        factor: i64,
        of: Vec<usize>,
    },
    /// The sum of `offset` and the symbols.
    Sum {
        of: Vec<usize>,
        offset: i64,
    },
}

/// The dynamic sizes known so far.
#[derive(Default)]
pub(super) struct Symbols {
    seen: Vec<Seen>,
}

/// Largest offset beside a sum of two symbols; more would find sums that are none.
const SUM_OFFSET: i64 = 4;

impl Seen {
    pub(super) fn new(first: usize, second: usize) -> Self {
        // A dimension beyond i64 can't be allocated, so it can't have been recorded.
        Self { first: first as i64, second: second as i64 }
    }

    pub(super) fn of(size: i64) -> Self {
        Self { first: size, second: size }
    }

    /// The size, if it was the same in both recordings.
    pub(super) fn fixed(self) -> Option<i64> {
        (self.first == self.second).then_some(self.first)
    }

    /// What this size must be multiplied with to become `other`, if that is a whole number in both recordings.
    pub(super) fn factor_to(self, other: Self) -> Option<Self> {
        let whole = |a: i64, b: i64| (a != 0 && b % a == 0).then(|| b / a);
        Some(Self { first: whole(self.first, other.first)?, second: whole(self.second, other.second)? })
    }

    fn minus(self, other: Self) -> Self {
        Self { first: self.first - other.first, second: self.second - other.second }
    }
}

impl Symbols {
    /// Remembers a size that some tensor has at run time; returns its symbol if it was not known or a product yet.
    pub(super) fn learn(&mut self, seen: Seen) -> Option<usize> {
        if seen.fixed().is_some() || self.product(seen).is_some() {
            return None;
        }
        self.seen.push(seen);
        Some(self.seen.len() - 1)
    }

    /// How a size follows from the symbols; `None` if it doesn't in a way that is looked for.
    pub(super) fn solve(&self, seen: Seen) -> Option<Size> {
        seen.fixed().map(Size::Fixed).or_else(|| self.product(seen)).or_else(|| self.sum(seen))
    }

    /// The size as a factor times one to three symbols, with as few symbols as possible.
    fn product(&self, seen: Seen) -> Option<Size> {
        let mut partial = vec![(Vec::new(), seen)];
        for _ in 0..3 {
            let mut next = Vec::new();
            for (of, rest) in &partial {
                let from = of.last().copied().unwrap_or(0);
                for (symbol, known) in self.seen.iter().enumerate().skip(from) {
                    let Some(rest) = known.factor_to(*rest) else { continue };
                    let of: Vec<usize> = of.iter().copied().chain([symbol]).collect();
                    if let Some(factor) = rest.fixed() {
                        return Some(Size::Product { factor, of });
                    }
                    next.push((of, rest));
                }
            }
            partial = next;
        }
        None
    }

    /// The size as a symbol and an offset, or as two symbols and a small offset.
    fn sum(&self, seen: Seen) -> Option<Size> {
        let one = self.seen.iter().enumerate().find_map(|(symbol, known)| {
            let offset = seen.minus(*known).fixed()?;
            Some(Size::Sum { of: vec![symbol], offset })
        });
        one.or_else(|| {
            let pairs = (0..self.seen.len()).flat_map(|a| (a..self.seen.len()).map(move |b| (a, b)));
            pairs.into_iter().find_map(|(a, b)| {
                let offset = seen.minus(self.seen[a]).minus(self.seen[b]).fixed()?;
                (offset.abs() <= SUM_OFFSET).then(|| Size::Sum { of: vec![a, b], offset })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols() -> Symbols {
        let mut symbols = Symbols::default();
        assert_eq!(symbols.learn(Seen::new(29, 31)), Some(0));
        assert_eq!(symbols.learn(Seen::new(7, 13)), Some(1));
        assert_eq!(symbols.learn(Seen::new(5, 17)), Some(2));
        symbols
    }

    #[test]
    fn a_size_that_never_changes_is_fixed() {
        assert_eq!(symbols().solve(Seen::of(12)), Some(Size::Fixed(12)));
    }

    #[test]
    fn products_of_axes_and_constants_are_found() {
        let solved = symbols().solve(Seen::new(29 * 7 * 6, 31 * 13 * 6));
        assert_eq!(solved, Some(Size::Product { factor: 6, of: vec![0, 1] }));
        let square = symbols().solve(Seen::new(7 * 7, 13 * 13));
        assert_eq!(square, Some(Size::Product { factor: 1, of: vec![1, 1] }));
    }

    #[test]
    fn sums_of_axes_and_constants_are_found() {
        let solved = symbols().solve(Seen::new(7 + 5 + 1, 13 + 17 + 1));
        assert_eq!(solved, Some(Size::Sum { of: vec![1, 2], offset: 1 }));
        let one = symbols().solve(Seen::new(7 - 2, 13 - 2));
        assert_eq!(one, Some(Size::Sum { of: vec![1], offset: -2 }));
    }

    #[test]
    fn a_learned_size_becomes_a_factor() {
        let mut symbols = symbols();
        let slots = symbols.learn(Seen::new(7 + 5, 13 + 17)).unwrap();
        let solved = symbols.solve(Seen::new(29 * 12, 31 * 30));
        assert_eq!(solved, Some(Size::Product { factor: 1, of: vec![0, slots] }));
        assert_eq!(symbols.learn(Seen::new(7 * 2, 13 * 2)), None, "a multiple needs no symbol of its own");
    }

    #[test]
    fn an_unrelated_size_is_not_invented() {
        assert_eq!(symbols().solve(Seen::new(1000, 1000 + 97)), None);
    }
}

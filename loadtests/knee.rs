//! The search for the knee: the highest rate at which a server still keeps up.

/// Less than this part of what is offered being answered in time means that the server doesn't keep up.
const KEEPS_UP: f64 = 0.9;

/// What one rate showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Requests a second: what was asked for, what was sent, what was answered correctly within the objective.
    pub rate: f64,
    pub offered: f64,
    pub goodput: f64,
    pub p99_ms: f64,
    pub slo_ms: f64,
}

impl Step {
    pub fn keeps_up(&self) -> bool {
        // Of Poisson arrivals another number is sent than asked for.
        self.goodput >= KEEPS_UP * self.offered && self.p99_ms <= self.slo_ms
    }
}

/// Which rates are tried.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    pub from: f64,
    pub to: f64,
    /// Each rate by the one before.
    pub factor: f64,
    /// Rates tried between the last good one and the first bad one.
    pub refine: usize,
}

impl Search {
    /// The rate to try after `steps`; none when the search is over.
    pub fn next(&self, steps: &[Step]) -> Option<f64> {
        let Some(first_bad) = steps.iter().position(|step| !step.keeps_up()) else {
            let next = steps.last().map_or(self.from, |step| step.rate * self.factor);
            return (next <= self.to).then_some(next);
        };
        if steps.len() - first_bad > self.refine {
            return None;
        }
        // Without a good rate there is nothing to search between.
        let good = knee(steps)?.rate;
        let bad = steps.iter().filter(|step| !step.keeps_up()).map(|step| step.rate);
        let bad = bad.filter(|rate| *rate > good).fold(f64::INFINITY, f64::min);
        bad.is_finite().then(|| (good * bad).sqrt())
    }
}

/// The highest rate that the server kept up with below the lowest one it didn't; none if it kept up with none.
pub fn knee(steps: &[Step]) -> Option<&Step> {
    let bad =
        steps.iter().filter(|step| !step.keeps_up()).map(|step| step.rate).fold(f64::INFINITY, f64::min);
    let good = steps.iter().filter(|step| step.keeps_up() && step.rate < bad);
    good.max_by(|a, b| a.rate.total_cmp(&b.rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEARCH: Search = Search { from: 10.0, to: 1e6, factor: 2.0, refine: 4 };

    /// A server that answers so many requests a second and no more.
    fn step(rate: f64, capacity: f64) -> Step {
        let p99_ms = if rate <= capacity { 5.0 } else { 500.0 };
        Step { rate, offered: rate, goodput: rate.min(capacity), p99_ms, slo_ms: 50.0 }
    }

    fn search(search: Search, capacity: f64) -> Vec<Step> {
        let mut steps = Vec::new();
        while let Some(rate) = search.next(&steps) {
            steps.push(step(rate, capacity));
        }
        steps
    }

    #[test]
    fn rates_rise_by_the_factor_until_one_is_too_high_and_then_close_in() {
        let steps = search(SEARCH, 130.0);
        let rates: Vec<_> = steps.iter().map(|step| step.rate.round()).collect();
        assert_eq!(rates, [10.0, 20.0, 40.0, 80.0, 160.0, 113.0, 135.0, 123.0, 129.0]);
        assert_eq!(knee(&steps).unwrap().rate.round(), 129.0);
    }

    #[test]
    fn the_search_ends_at_the_highest_rate_allowed() {
        let steps = search(Search { to: 45.0, ..SEARCH }, 1e9);
        assert_eq!(steps.len(), 3);
        assert_eq!(knee(&steps).unwrap().rate, 40.0);
    }

    #[test]
    fn a_server_that_keeps_up_with_nothing_has_no_knee() {
        let steps = search(SEARCH, 1.0);
        assert_eq!((steps.len(), knee(&steps)), (1, None));
    }

    #[test]
    fn slow_answers_and_missing_ones_are_both_too_much() {
        let fine = step(100.0, 1e9);
        assert!(fine.keeps_up());
        assert!(!Step { p99_ms: 51.0, ..fine }.keeps_up());
        assert!(!Step { goodput: 89.0, ..fine }.keeps_up());
        assert!(Step { offered: 95.0, goodput: 89.0, ..fine }.keeps_up(), "fewer were sent");
    }

    #[test]
    fn a_rate_above_one_that_was_too_high_is_no_knee() {
        let steps = [step(10.0, 1e9), step(20.0, 15.0), step(14.0, 1e9), step(30.0, 1e9)];
        assert_eq!(knee(&steps).unwrap().rate, 14.0);
    }
}

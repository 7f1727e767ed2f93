//! Probabilities of the distributions that the tests need.

/// Steps after which a continued fraction or a bisection is as good as it gets.
const STEPS_MAX: usize = 300;

/// How probable a standard normal value at least this far from zero is, on either side. Abramowitz and Stegun,
/// *Handbook of Mathematical Functions*, 7.1.26: within 1.5·10⁻⁷.
pub fn normal_two_sided(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let polynomial = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let sum = polynomial.iter().fold(0.0, |sum, coefficient| (sum + coefficient) * t);
    (sum * (-x * x).exp()).clamp(0.0, 1.0)
}

/// How probable a value of Student's t at least this far from zero is, on either side.
pub fn student_two_sided(t: f64, degrees: f64) -> f64 {
    incomplete_beta(degrees / 2.0, 0.5, degrees / (degrees + t * t))
}

/// The value that Student's t exceeds on either side with probability `level`, by bisection.
pub fn student_critical(level: f64, degrees: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1e6);
    for _ in 0..STEPS_MAX {
        let middle = f64::midpoint(low, high);
        if student_two_sided(middle, degrees) > level { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The regularised incomplete beta function, by Lentz's continued fraction: Press et al., *Numerical Recipes*, 6.4.
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    // The fraction converges quickly below the mean only; above it, the other tail does.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, 1.0 - x);
    }
    let front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln();
    front.exp() * beta_fraction(a, b, x) / a
}

fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let away_from_zero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for step in 1..STEPS_MAX {
        let m = step as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            change = c * d;
            fraction *= change;
        }
        if (change - 1.0).abs() < 1e-14 {
            break;
        }
    }
    fraction
}

/// The logarithm of the gamma function for positive values: Lanczos' approximation, *Numerical Recipes*, 6.1.
fn ln_gamma(x: f64) -> f64 {
    let coefficients = [
        76.180_091_729_471_46,
        -86.505_320_329_416_77,
        24.014_098_240_830_91,
        -1.231_739_572_450_155,
        0.120_865_097_386_617_9e-2,
        -0.539_523_938_495_3e-5,
    ];
    let base = x + 5.5;
    let sum = coefficients
        .iter()
        .enumerate()
        .fold(1.000_000_000_190_015, |sum, (index, value)| sum + value / (x + 1.0 + index as f64));
    (x + 0.5) * base.ln() - base + (2.506_628_274_631_000_5 * sum / x).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-5, "{actual} is not near {expected}");
    }

    #[test]
    fn values_from_the_tables() {
        near(normal_two_sided(1.959_964), 0.05);
        near(normal_two_sided(-2.575_829), 0.01);
        near(normal_two_sided(0.0), 1.0);
        for (t, degrees, probability) in
            [(12.7062, 1.0, 0.05), (2.7764, 4.0, 0.05), (2.2622, 9.0, 0.05), (2.5759, 1e6, 0.01)]
        {
            near(student_two_sided(t, degrees), probability);
            assert!((student_critical(probability, degrees) - t).abs() < 1e-3, "{t}");
        }
        near(student_two_sided(0.0, 5.0), 1.0);
    }
}

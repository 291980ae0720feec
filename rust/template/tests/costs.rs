//! Rule: work is counted where it is done. Whatever operation a template repeats, it ends in an error long before a
//! machine would have anything else to do, and within the memory that a rendering may have.

#![allow(clippy::expect_used, reason = "a test that cannot start has failed")]

use std::time::{Duration, Instant};

use everyturn_template::{Arena, ErrorKind, Inputs, Limits, Output, Template};

/// What the operations work on: long texts, numbers of as many digits as there may be, long and shared lists.
const OPERANDS: &str = "\
    {% set a = 'a b ' * 12000 %}{% set u = '\u{c9}' * 25000 %}{% set l = 'a\\n' * 25000 %}\
    {% set w = '  ' * 25000 %}{% set t = '\\t' * 5000 %}{% set up = 'A' * 50000 %}\
    {% set d = '9' * 4300 %}{% set k = 10 ** 4299 %}{% set n = 0 - k %}{% set one = 7 ** 17 %}\
    {% set f = 1e300 %}{% set x = range(20000) | list %}{% set s = x | map('string') | list %}\
    {% set m = (a ~ u) %}{% set e = m | upper | trim %}{% set z = '&amp;<b>' * 6000 %}\
    {% set ns = namespace(x=(1,), y=[1], z={}) %}{% for i in range(40) %}{% set ns.x = (ns.x, ns.x) %}\
    {% set ns.y = [ns.y, ns.y] %}{% endfor %}{% set p = [('k', 1)] * 5000 %}\
    {% set q = dict(a=1, b=2, c=[1, 2]) %}{% set r = range(99999) %}";

const OPERATIONS: &[&str] = &[
    // Positions in texts.
    "u[20000]",
    "u[-1]",
    "a[20000]",
    "u[1:]",
    "u[::2]",
    "u[::-1]",
    "a[1:3]",
    "u[5:7]",
    "u | first",
    "u | last",
    "u | length",
    "u | reverse",
    "u | list",
    "u | truncate(20000)",
    "u | truncate(20000, true)",
    "a | truncate(20000)",
    "(u ~ a)[20000]",
    // Texts rewritten.
    "u | upper",
    "u | lower",
    "u.casefold()",
    "u.title()",
    "u | title",
    "u.swapcase()",
    "u | capitalize",
    "a | title",
    "a.title()",
    "a | upper",
    "up | lower",
    "a | indent",
    "l | indent",
    "u | indent",
    "l | indent(0)",
    "a | wordcount",
    "u | wordcount",
    "a | wordwrap",
    "u | wordwrap(7)",
    "a | trim",
    "w | trim",
    "u.strip('\u{c9}')",
    "u.lstrip('x\u{c9}')",
    "w.rstrip()",
    "w.split()",
    "a.split()",
    "a.split(' ')",
    "a.rsplit()",
    "l.splitlines()",
    "l.partition('x')",
    "a.rpartition('x')",
    "a | replace('b', 'cc')",
    "u | replace('\u{c9}', '')",
    "a.replace('', 'x')",
    "a.count('a')",
    "a.find('bb')",
    "u.find('x')",
    "u.rfind('x')",
    "a.index('b ')",
    "a.startswith('a')",
    "a.endswith(a)",
    "u.isalpha()",
    "u.isprintable()",
    "u.istitle()",
    "w.isspace()",
    "u.isidentifier()",
    "a.isupper()",
    "t.expandtabs()",
    "u.center(30000)",
    "a.zfill(50000)",
    "a.ljust(50000)",
    "u.translate({201: 'x'})",
    "u.removeprefix('\u{c9}')",
    "a.join(['x', 'y'])",
    "'x'.join(s)",
    "s | join('-')",
    "u | escape",
    "z | forceescape",
    "z | striptags",
    "a | urlencode",
    "u | urlencode",
    "u | pprint",
    "s | pprint",
    "u | tojson",
    "a | tojson",
    "s | tojson",
    "x | tojson(indent=2)",
    "u | string",
    "x | string",
    "u ~ a",
    "u + a",
    "u * 2",
    "a == a ~ ''",
    "u in a",
    "'x' in u",
    "a < u",
    "u is upper",
    "u is lower",
    "[u] | sort",
    "[u, a] | max",
    "[u, u] | unique | list",
    "z | safe | escape",
    "(z | safe) + z",
    "u | center(30000)",
    // Formats.
    "'%s' % u",
    "'%r' % u",
    "'%a' % u",
    "'%.3s' | format(u)",
    "'%d' % k",
    "'%x' % k",
    "'%.300f' % f",
    "'%e' % f",
    "'{}'.format(u)",
    "'{!r}'.format(u)",
    "'{:>30000}'.format(u)",
    "'{:.3}'.format(u)",
    "'{:,}'.format(k)",
    "'{:x}'.format(k)",
    "'{:.300f}'.format(f)",
    "'{:c}'.format(233)",
    "a.format()",
    "'%%' * 9000 % ()",
    "strftime_now('%c%c%c%c%c%c%c%c%c%c%c%c%c%c%c%c%c%c%c%c')",
    "strftime_now('%%' * 9000)",
    "strftime_now('%j' * 5000)",
    // Numbers.
    "k + 7",
    "k - n",
    "k * 1",
    "k // 7",
    "k % 7",
    "k // (7 ** 2000)",
    "k / (k - 1)",
    "n + 0",
    "-n",
    "+k",
    "k | abs",
    "n | abs",
    "k == n",
    "k < 1e300",
    "k == f",
    "one == 1e300",
    "7 ** 5000",
    "one ** 290",
    "2 ** 14000",
    "(0 - 7) ** 4999",
    "k ** 1",
    "2.5 ** 300",
    "1e300 | round(300)",
    "0.1 | round(300)",
    "1e300 | round(-300)",
    "k | round(-4000)",
    "7.5 | round(300, 'ceil')",
    "d | int",
    "d | float",
    "('f' * 3500) | int(0, 16)",
    "k | float",
    "k | string",
    "k | int",
    "k | tojson",
    "k.bit_length()",
    "k.bit_count()",
    "1e300.as_integer_ratio()",
    "5e-324.as_integer_ratio()",
    "1e300 | int",
    "1e300 | string",
    "0.1 | string",
    "k is odd",
    "k is divisibleby(7)",
    "k is even",
    "k | filesizeformat",
    "1e300 | filesizeformat",
    "r | sum",
    "x | sum",
    "p | map('first') | list",
    "[k, k] | sum",
    "[k, n] | sort",
    "[k] | unique | list",
    "{k: 1}",
    "k in x",
    // Collections.
    "{u: 1}[u]",
    "{u: 1, a: 2}",
    "{ns.x: 1}",
    "[ns.x] | unique | list",
    "dict([(ns.x, 1)])",
    "ns.x in {1: 1}",
    "{1: 1}[ns.x]",
    "{1: 1}.get(ns.x)",
    "ns.x == (ns.x, 1)",
    "ns.x | string",
    "ns.y | string",
    "ns.y | tojson",
    "ns.y | pprint",
    "[ns.y, ns.y] | sort",
    "(ns.x, 1) < (ns.x, 2)",
    "'%s' % [ns.y]",
    "'{}'.format(ns.y)",
    "x[1:]",
    "x[::-1]",
    "x + x",
    "x * 2",
    "x | list",
    "x | sort",
    "s | sort",
    "s | unique | list",
    "x | reverse | list",
    "x | map('string') | list",
    "x | select('odd') | list",
    "x | batch(7) | list",
    "x | slice(7) | list",
    "x | groupby('real') | list",
    "s | max",
    "x | min",
    "19999 in x",
    "x.index(19999)",
    "x.count(3)",
    "'19999' in s",
    "p | map(attribute=0) | list",
    "p | selectattr(0, 'equalto', 'k') | list",
    "p | items",
    "dict(p)",
    "p | dictsort",
    "q | dictsort",
    "q | xmlattr",
    "q | items | list",
    "q.items() | list",
    "q == dict(a=1, b=2, c=[1, 2])",
    "r | list",
    "99998 in r",
    "99998.0 in r",
    "r[::2] | list",
    "r | length",
    "(r | list) == (r | list)",
    "x is iterable",
    "namespace(q)",
    "cycler(*x)",
    "p | urlencode",
    "range(100000)",
    "x | random",
    "x | join",
];

/// A small part of what a rendering may do, so that the test takes seconds.
const FUEL: u64 = 1_000_000;
/// So much fuel is spent in about a twentieth of a second; this leaves room for slow builds and busy machines.
const CEILING: Duration = Duration::from_millis(1500);

/// The time that this thread has worked, where the system tells it, else the time that has passed.
struct Clock(Instant, Option<Duration>);

impl Clock {
    fn start() -> Self {
        Self(Instant::now(), Self::worked())
    }

    fn worked() -> Option<Duration> {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    }

    fn elapsed(&self) -> Duration {
        match (self.1, Self::worked()) {
            (Some(before), Some(now)) => now.saturating_sub(before),
            _ => self.0.elapsed(),
        }
    }
}

/// How long a template works until it ends, and with which error if with one.
fn worked_for(source: &str) -> (Duration, Option<ErrorKind>) {
    let template = Template::compile(source).expect(source);
    let arena = Arena::new();
    let inputs = Inputs::new(&arena);
    let (mut scratch, mut output) = (Arena::new(), Output::default());
    let now = jiff::civil::date(2026, 1, 31).at(12, 0, 0, 0);
    let limits = Limits { fuel: FUEL, ..Limits::for_input(inputs.bytes()) };
    let start = Clock::start();
    let rendered = template.render(&[], now, limits, &mut scratch, &mut output);
    (start.elapsed(), rendered.err().map(|error| error.kind))
}

#[test]
fn every_operation_pays_for_what_it_does() {
    assert_eq!(worked_for(OPERANDS).1, None, "the operands leave room for operations");
    let mut slow = Vec::new();
    for operation in OPERATIONS {
        let loops = format!(
            "{OPERANDS}{{% for i in range(100000) %}}{{% for j in range(100000) %}}{{% set y = {operation} %}}\
             {{% endfor %}}{{% endfor %}}"
        );
        // Some are refused, which ends them, too.
        let (time, error) = worked_for(&loops);
        if error.is_none() || time > CEILING {
            slow.push(format!("{operation}: {time:?}, {error:?}"));
        }
    }
    assert!(slow.is_empty(), "{}", slow.join("\n"));
}

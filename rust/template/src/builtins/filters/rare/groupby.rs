//! `groupby`: items that share an attribute.

use crate::builtins::arguments::Args;
use crate::builtins::filters::getter::{Getter, Key};
use crate::builtins::filters::order::{less, sorted_by};
use crate::builtins::filters::{flag, given};
use crate::error::Result;
use crate::run::Machine;
use crate::value::Value;
use crate::value::operators;

/// `groupby(attribute, default=None, case_sensitive=False)`: pairs of what the items share, and the items.
pub fn groupby<'a>(machine: &mut Machine<'a>, value: Value<'a>, args: Args<'a>) -> Result<Value<'a>> {
    let [attribute, default, case_sensitive] =
        args.bind("groupby", ["attribute", "default", "case_sensitive"], 1)?;
    let getter = Getter::new(machine, attribute, given(default))?;
    let key = Key { getter, case_sensitive: flag(case_sensitive) };
    let mut keyed = Vec::new();
    for item in machine.collect(value)? {
        machine.memory.reserve(2 * size_of::<Value<'_>>())?;
        keyed.push((key.get(machine, item)?, item));
    }
    let sorted = sorted_by(&mut machine.memory, keyed, false, |memory, a, b| less(memory, a.0, b.0))?;
    let (mut groups, mut rest) = (Vec::new(), &*sorted);
    while let [(shared, first), ..] = rest {
        let mut count = 0;
        while let Some((key, _)) = rest.get(count)
            && (count == 0 || operators::equal(&mut machine.memory, *shared, *key)?)
        {
            machine.memory.step()?;
            count += 1;
        }
        let (group, after) = rest.split_at(count);
        let items: Vec<_> = group.iter().map(|(_, item)| *item).collect();
        let items = machine.memory.list(&items)?;
        let shared = getter.get(machine, *first)?;
        groups.push(machine.memory.group(shared, items)?);
        rest = after;
    }
    machine.memory.list(&groups)
}

//! Record by record: what came out against what had to.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::orders::{ENDS, Orders};

/// What is known of the output so far.
pub struct Verdict<'a> {
    orders: &'a Orders,
    seen: HashSet<String>,
    ended: BTreeSet<String>,
    last_of_customer: HashMap<String, usize>,
    shard_of_customer: HashMap<String, String>,
    /// Records that came out more than once.
    pub doubled: usize,
    /// Records that are not what they should be, the first of them in full.
    pub wrong: Vec<String>,
    /// Records that came out after a later one of the same customer.
    pub out_of_order: usize,
}

impl<'a> Verdict<'a> {
    /// Nothing came out yet.
    pub fn new(orders: &'a Orders) -> Self {
        Self {
            orders,
            seen: HashSet::new(),
            ended: BTreeSet::new(),
            last_of_customer: HashMap::new(),
            shard_of_customer: HashMap::new(),
            doubled: 0,
            wrong: Vec::new(),
            out_of_order: 0,
        }
    }

    /// Takes a line of `tidemill tail --format json`; whether it held one of the orders that were expected.
    pub fn take(&mut self, line: &str) -> bool {
        match self.check(line) {
            Ok(expected) => expected,
            Err(reason) => {
                self.wrong.push(format!("{reason}: {line}"));
                false
            }
        }
    }

    /// Whether the record that is put last on every shard was seen.
    pub fn is_ended(&self) -> bool {
        self.ended.len() == ENDS.len()
    }

    /// How many different orders came out.
    pub fn out(&self) -> usize {
        self.seen.len()
    }

    /// How many did not.
    pub fn lost(&self) -> usize {
        self.orders.expected_count() - self.seen.len()
    }

    /// Whether every record came out once, unchanged, and in its customer's order.
    pub fn is_good(&self) -> bool {
        self.lost() == 0 && self.doubled == 0 && self.wrong.is_empty() && self.out_of_order == 0
    }

    fn check(&mut self, line: &str) -> Result<bool, &'static str> {
        let record: Value = serde_json::from_str(line).map_err(|_| "tail printed no JSON")?;
        let document = record["data"].as_str().ok_or("the record is no text")?;
        let mut document: Value = serde_json::from_str(document).map_err(|_| "the document is no JSON")?;
        let fields = document.as_object_mut().ok_or("the document is no object")?;
        let source = fields.remove("source").ok_or("nothing was added")?;
        let customer = document["customer"].as_str().ok_or("there is no customer")?.to_owned();
        if record["key"] != customer.as_str() {
            return Err("the partition key was not kept");
        }
        if ENDS.contains(&customer.as_str()) {
            self.ended.insert(customer);
            return Ok(false);
        }
        let id = document["order"].as_str().ok_or("there is no id")?.to_owned();
        let expected = self.orders.expected(&id).ok_or("this order had to be left out")?;
        if document != expected.order {
            return Err("the order was altered");
        }
        self.check_source(&source, &customer)?;
        if self.last_of_customer.insert(customer, expected.place).is_some_and(|last| last > expected.place) {
            self.out_of_order += 1;
        }
        let first_time = self.seen.insert(id);
        self.doubled += usize::from(!first_time);
        Ok(first_time)
    }

    /// A customer's orders all come from one shard, and each arrived at some time.
    fn check_source(&mut self, source: &Value, customer: &str) -> Result<(), &'static str> {
        let shard = source["shard"].as_str().ok_or("the shard was not added")?;
        source["arrival-millis"].as_u64().filter(|millis| *millis > 0).ok_or("the arrival was not added")?;
        let known = self.shard_of_customer.entry(customer.to_owned()).or_insert_with(|| shard.to_owned());
        if known == shard { Ok(()) } else { Err("a customer's orders come from two shards") }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn orders() -> Orders {
        Orders::of(concat!(
            r#"{"order":"1","customer":"c","status":"paid"}"#,
            "\n",
            r#"{"order":"2","customer":"c","status":"open"}"#,
            "\n",
            r#"{"order":"3","customer":"c","status":"paid"}"#,
            "\n",
        ))
    }

    fn line(order: &str, status: &str, key: &str) -> String {
        let source = json!({ "shard": "s", "arrival-millis": 7 });
        let document = json!({ "order": order, "customer": "c", "status": status, "source": source });
        json!({ "key": key, "data": document.to_string() }).to_string()
    }

    #[test]
    fn every_order_once_and_in_order_is_good() {
        let orders = orders();
        let mut verdict = Verdict::new(&orders);
        assert!(verdict.take(&line("1", "paid", "c")) && !verdict.is_good());
        assert_eq!(verdict.lost(), 1);
        assert!(verdict.take(&line("3", "paid", "c")) && verdict.is_good());
    }

    #[test]
    fn what_is_not_right_is_counted() {
        let orders = orders();
        let mut verdict = Verdict::new(&orders);
        verdict.take(&line("3", "paid", "c"));
        verdict.take(&line("1", "paid", "c"));
        verdict.take(&line("1", "paid", "c"));
        assert_eq!((verdict.doubled, verdict.out_of_order, verdict.lost()), (1, 1, 0));
        for wrong in
            [line("2", "open", "c"), line("1", "unpaid", "c"), line("1", "paid", "d"), "{}".to_owned()]
        {
            assert!(!verdict.take(&wrong));
        }
        assert_eq!(verdict.wrong.len(), 4, "{:?}", verdict.wrong);
    }

    #[test]
    fn it_is_ended_with_the_last_record_of_every_shard() {
        let orders = orders();
        let mut verdict = Verdict::new(&orders);
        for customer in ENDS {
            assert!(!verdict.is_ended());
            let document = json!({ "customer": customer, "source": {} }).to_string();
            verdict.take(&json!({ "key": customer, "data": document }).to_string());
        }
        assert!(verdict.is_ended() && verdict.wrong.is_empty());
    }
}

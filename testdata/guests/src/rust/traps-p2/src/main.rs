//! Traps in the ways that Rust has, by its first argument. It is built with lines of source.

mod shop {
    pub struct Cart {
        pub prices: Vec<u32>,
    }

    impl Cart {
        #[inline(never)]
        pub fn price(&self, i: usize) -> u32 {
            self.prices[i]
        }

        #[inline(never)]
        pub fn total(&self, how: &str) -> u32 {
            match how {
                "panic" => panic!("the cart is broken: {} prices", self.prices.len()),
                "unwrap" => how.parse::<u32>().unwrap(),
                "index" => self.price(how.len() + 1),
                "divide" => 100 / (self.prices[0] - 3),
                "abort" => std::process::abort(),
                "deep" => self.total("panic"),
                _ => self.prices.iter().sum(),
            }
        }
    }
}

fn main() {
    let how = std::env::args().nth(1).unwrap_or_default();
    eprintln!("this line is from before");
    let cart = shop::Cart { prices: vec![3, 4, 5] };
    println!("{}", cart.total(&how));
}

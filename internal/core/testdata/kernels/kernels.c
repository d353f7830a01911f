// Ten small programs of the kinds that guests spend their time with, for BenchmarkKernels. Each is a function without arguments that makes
// its own input, the same each time, and returns a number that depends on all of its work. build.sh makes kernels.wasm of this file.
#include <stdint.h>

#define KERNEL(name) __attribute__((export_name(#name), noinline)) uint32_t name(void)

// memset is what the compiler takes for some loops; there is no C library here.
__attribute__((no_builtin("memset"))) void *memset(void *to, int c, unsigned long n) {
	for (unsigned long i = 0; i < n; i++) ((uint8_t *)to)[i] = (uint8_t)c;
	return to;
}

static uint32_t seed;

static uint32_t draw(void) { // Lehmer's generator
	seed = (uint32_t)((uint64_t)seed * 48271 % 2147483647);
	return seed;
}

static uint8_t text[1 << 16];

static void fill(void) {
	seed = 1;
	for (int i = 0; i < (int)sizeof text; i++) text[i] = (uint8_t)(draw() >> 8);
}

// checksum: one pass over bytes, a loop of a few instructions.
KERNEL(checksum) {
	static int filled;
	if (!filled) fill(), filled = 1;
	uint32_t a = 1, b = 0; // Fletcher's, with sums of 32 bits
	for (int i = 0; i < (int)sizeof text; i++) a += text[i], b += a;
	return a ^ b;
}

// digest: rotations and additions over blocks, as hashes and ciphers have them (ChaCha's quarter rounds).
static inline uint32_t rotated(uint32_t x, int n) { return x << n | x >> (32 - n); }

#define QUARTER(a, b, c, d) \
	a += b, d = rotated(d ^ a, 16), c += d, b = rotated(b ^ c, 12), a += b, d = rotated(d ^ a, 8), c += d, b = rotated(b ^ c, 7)

KERNEL(digest) {
	uint32_t out = 0;
	for (uint32_t block = 0; block < 256; block++) {
		uint32_t s[16];
		for (uint32_t i = 0; i < 16; i++) s[i] = i * 0x01000193u ^ block;
		for (int round = 0; round < 10; round++) {
			QUARTER(s[0], s[4], s[8], s[12]);
			QUARTER(s[1], s[5], s[9], s[13]);
			QUARTER(s[2], s[6], s[10], s[14]);
			QUARTER(s[3], s[7], s[11], s[15]);
			QUARTER(s[0], s[5], s[10], s[15]);
			QUARTER(s[1], s[6], s[11], s[12]);
			QUARTER(s[2], s[7], s[8], s[13]);
			QUARTER(s[3], s[4], s[9], s[14]);
		}
		for (int i = 0; i < 16; i++) out = rotated(out, 1) ^ s[i];
	}
	return out;
}

// parse: branches on bytes and recursion, as in a reader of JSON or of an expression.
static const char *at;

static uint32_t number(void) {
	uint32_t n = 0;
	while (*at >= '0' && *at <= '9') n = n * 10 + (uint32_t)(*at++ - '0');
	return n;
}

static uint32_t sum(void);

static uint32_t factor(void) {
	if (*at != '(') return number();
	at++;
	uint32_t n = sum();
	at++;
	return n;
}

static uint32_t product(void) {
	uint32_t n = factor();
	while (*at == '*') at++, n *= factor();
	return n;
}

static __attribute__((noinline)) uint32_t sum(void) {
	uint32_t n = product();
	for (;;) {
		switch (*at) {
		case '+': at++, n += product(); continue;
		case '-': at++, n -= product(); continue;
		default: return n;
		}
	}
}

KERNEL(parse) {
	uint32_t out = 0;
	for (int i = 0; i < 400; i++) {
		at = "12+34*(56-7*(8+9))-1024*(3+(2*(1+(65537-4)*2)-5)*11)+((((42))))*7-((1+2)*(3+4)*(5+6))";
		out = out * 31 + sum() + (uint32_t)i;
	}
	return out;
}

// matrix: a product of matrices of doubles, three nested loops.
enum { side = 48 };
static double left[side][side], right[side][side], result[side][side];

KERNEL(matrix) {
	for (int i = 0; i < side; i++)
		for (int j = 0; j < side; j++) left[i][j] = (double)(i + j) / side, right[i][j] = (double)(i - j) / side;
	for (int i = 0; i < side; i++)
		for (int j = 0; j < side; j++) {
			double s = 0;
			for (int k = 0; k < side; k++) s += left[i][k] * right[k][j];
			result[i][j] = s;
		}
	double all = 0;
	for (int i = 0; i < side; i++) all += result[i][side - 1 - i] * (i + 1);
	return (uint32_t)(int32_t)all;
}

// partition: a sort in place, with comparisons that cannot be predicted.
static int32_t numbers[8192];

static __attribute__((noinline)) void sort(int32_t *a, int from, int to) {
	while (to - from > 1) {
		int32_t pivot = a[from + (to - 1 - from) / 2];
		int i = from - 1, j = to;
		for (;;) {
			do i++; while (a[i] < pivot);
			do j--; while (a[j] > pivot);
			if (i >= j) break;
			int32_t x = a[i];
			a[i] = a[j], a[j] = x;
		}
		sort(a, from, j + 1);
		from = j + 1;
	}
}

static void drawNumbers(int n) {
	seed = 7;
	for (int i = 0; i < n; i++) numbers[i] = (int32_t)draw() - (1 << 30);
}

KERNEL(partition) {
	drawNumbers(8192);
	sort(numbers, 0, 8192);
	uint32_t out = 0;
	for (int i = 0; i < 8192; i += 97) out = out * 33 ^ (uint32_t)numbers[i];
	return out;
}

// lookup: a hash table with chains, addresses from memory.
static struct entry { uint32_t key, count, next; } entries[8192];
static uint32_t heads[4096];

KERNEL(lookup) {
	uint32_t used = 1, out = 0;
	for (int i = 0; i < 4096; i++) heads[i] = 0;
	seed = 11;
	for (int i = 0; i < 20000; i++) {
		uint32_t key = draw() % 7000, slot = key * 2654435761u >> 20, e = heads[slot];
		while (e && entries[e].key != key) e = entries[e].next;
		if (!e) entries[e = used++] = (struct entry){key, 0, heads[slot]}, heads[slot] = e;
		out += ++entries[e].count * key;
	}
	return out + used;
}

// interpret: a loop around a switch, as in an interpreter of bytecode.
enum { opSet, opAdd, opXor, opMul, opLess, opJump, opEnd };

KERNEL(interpret) {
	static const uint8_t code[][4] = {
		{opSet, 0, 0, 0}, {opSet, 1, 1, 0}, {opSet, 2, 200, 0}, {opSet, 3, 17, 0},
		{opAdd, 4, 0, 3}, {opXor, 5, 5, 4}, {opMul, 5, 5, 3}, {opAdd, 0, 0, 1}, {opLess, 6, 0, 2}, {opJump, 6, 4, 0},
		{opEnd, 5, 0, 0},
	};
	uint32_t r[8] = {0}, out = 0;
	for (int times = 0; times < 40; times++)
		for (int pc = 0;;) {
			const uint8_t *c = code[pc++];
			switch (c[0]) {
			case opSet: r[c[1]] = c[2]; continue;
			case opAdd: r[c[1]] = r[c[2]] + r[c[3]]; continue;
			case opXor: r[c[1]] = r[c[2]] ^ r[c[3]]; continue;
			case opMul: r[c[1]] = r[c[2]] * r[c[3]]; continue;
			case opLess: r[c[1]] = r[c[2]] < r[c[3]]; continue;
			case opJump: if (r[c[1]]) pc = c[2]; continue;
			case opEnd: out = out * 3 + r[c[1]]; break;
			}
			break;
		}
	return out;
}

// calls: nothing but calls of a small function.
static __attribute__((noinline)) uint32_t choose(uint32_t n, uint32_t k) {
	return !k || k == n ? 1 : choose(n - 1, k - 1) + choose(n - 1, k);
}

KERNEL(calls) { return choose(17, 8); }

// indirect: a sort that compares through a table of functions.
static int lower(int32_t a, int32_t b) { return a < b; }
static int closer(int32_t a, int32_t b) { return (uint32_t)(a < 0 ? -a : a) < (uint32_t)(b < 0 ? -b : b); }
static int (*volatile orders[])(int32_t, int32_t) = {lower, closer};

static void sift(int from, int n, int (*before)(int32_t, int32_t)) {
	for (int i = from, k; (k = 2 * i + 1) < n; i = k) {
		if (k + 1 < n && before(numbers[k], numbers[k + 1])) k++;
		if (!before(numbers[i], numbers[k])) return;
		int32_t x = numbers[i];
		numbers[i] = numbers[k], numbers[k] = x;
	}
}

KERNEL(indirect) {
	uint32_t out = 0;
	for (int o = 0; o < 2; o++) {
		int n = 2048;
		drawNumbers(n);
		for (int i = n / 2; i-- > 0;) sift(i, n, orders[o]);
		while (--n > 0) {
			int32_t x = numbers[0];
			numbers[0] = numbers[n], numbers[n] = x;
			sift(0, n, orders[o]);
		}
		for (int i = 0; i < 2048; i += 31) out = out * 33 ^ (uint32_t)numbers[i];
	}
	return out;
}

// bodies: floating point with divisions and roots.
KERNEL(bodies) {
	static const int n = 6;
	double x[6][3], v[6][3] = {{0}};
	for (int i = 0; i < n; i++)
		for (int k = 0; k < 3; k++) x[i][k] = (i + 1) * (k + 2) % 7 + i * 0.5;
	for (int step = 0; step < 400; step++) {
		for (int i = 0; i < n; i++)
			for (int j = 0; j < n; j++) {
				double d[3], far = 0.01;
				for (int k = 0; k < 3; k++) d[k] = x[j][k] - x[i][k], far += d[k] * d[k];
				double pull = 0.001 / (far * __builtin_sqrt(far));
				for (int k = 0; k < 3; k++) v[i][k] += d[k] * pull;
			}
		for (int i = 0; i < n; i++)
			for (int k = 0; k < 3; k++) x[i][k] += v[i][k];
	}
	double all = 0;
	for (int i = 0; i < n; i++) all += x[i][0] + 2 * x[i][1] + 3 * x[i][2];
	return (uint32_t)(int32_t)(all * 4096);
}

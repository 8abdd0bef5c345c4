import fc from 'fast-check'

/** Loaded before the tests by `aval soak properties`: every property that names no count of its own gets this many examples. */
const numRuns = Number(process.env['AVAL_EXAMPLES'] ?? 100)
const seed = Number(process.env['AVAL_SEED'] ?? Date.now())
fc.configureGlobal({ numRuns, seed, interruptAfterTimeLimit: 600_000, markInterruptAsFailure: false })

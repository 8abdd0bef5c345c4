import { readSync, writeSync } from 'node:fs'

/* Says that it runs, and waits until whoever started it is gone. */
writeSync(1, 'x')
while (readSync(0, new Uint8Array(65_536), 0, 65_536, null) > 0) {
  // Reads on.
}

import { writeSync } from 'node:fs'

/* Says more than any result. */
for (;;) writeSync(1, new Uint8Array(65_536))

/* Takes all the memory it can get, outside of the heap that Node bounds. */
const kept: Uint8Array[] = []
for (;;) kept.push(new Uint8Array(67_108_864).fill(1))

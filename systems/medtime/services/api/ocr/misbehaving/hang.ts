/* Never answers, and hears nothing. */
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)

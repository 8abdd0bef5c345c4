import { Socket } from 'node:net'

/** Bytes taken from the network at once, and the longest message that is handed on without a copy. */
const readBytes = 262_144

/**
 * A socket to a Postgres server that reads into the same memory again and again and gives whole messages to its listeners. A backup passes
 * by in pieces of some kilobytes: memory of its own for each, and what the driver's parser takes to join the halves of a message, would be
 * most of what a backup needs. What a listener is given is valid until it returns. Not for TLS, where the bytes are not messages.
 */
export function frugalSocket(): Socket {
  const memory = Buffer.allocUnsafeSlow(2 * readBytes)
  let held = 0
  let plain = false
  const socket: Socket = new Socket({
    onread: {
      buffer: () => memory.subarray(held, held + readBytes),
      callback: (length) => {
        held += length
        const whole = plain ? 0 : endOfMessages(memory.subarray(0, held))
        if (whole > 0) {
          socket.emit('data', memory.subarray(0, whole))
          memory.copyWithin(0, whole, held)
          held -= whole
        }
        if (plain || held > readBytes) {
          // A message longer than the memory: from here on the parser joins, and keeps what it is given.
          plain = true
          socket.emit('data', Buffer.from(memory.subarray(0, held)))
          held = 0
        }
        return true
      },
    },
  })
  return socket
}

/** Where the last whole message ends. Each is a letter and a length that counts itself. */
function endOfMessages(bytes: Buffer): number {
  let at = 0
  while (at + 5 <= bytes.length) {
    const next = at + 1 + bytes.readUInt32BE(at + 1)
    if (next > bytes.length) break
    at = next
  }
  return at
}

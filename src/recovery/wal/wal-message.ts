import type { Lsn } from './lsn.ts'

/** What the server sends while it streams WAL. */
export type WalMessage =
  /** `end`: how far the server has written. */
  { kind: 'data'; start: Lsn; end: Lsn; bytes: Buffer } | { kind: 'keepalive'; end: Lsn; replyRequested: boolean }

/** Reads one message of the stream; undefined for a kind this version does not know. */
export function parseWalMessage(message: Buffer): WalMessage | undefined {
  switch (message[0]) {
    case 0x77: // 'w': start, end of WAL on the server, clock, bytes
      return {
        kind: 'data',
        start: message.readBigUInt64BE(1),
        end: message.readBigUInt64BE(9),
        bytes: message.subarray(25),
      }
    case 0x6b: // 'k': end of WAL on the server, clock, whether an answer is wanted at once
      return { kind: 'keepalive', end: message.readBigUInt64BE(1), replyRequested: message[17] === 1 }
    default:
      return undefined
  }
}

const microsecondsTo2000 = 946_684_800_000_000n

/**
 * The status a standby reports.
 * @param positions.written received by this process; `flushed` safe from a crash of this machine, which lets the server
 * remove older WAL and, for a synchronous standby, lets a commit return.
 * @param answer asks the server for a sign of life.
 */
export function statusUpdate(positions: { written: Lsn; flushed: Lsn }, nowMs: number, answer = false): Buffer {
  const message = Buffer.alloc(34)
  message.write('r', 0, 'latin1')
  message.writeBigUInt64BE(positions.written, 1)
  message.writeBigUInt64BE(positions.flushed, 9)
  // Nothing is applied here: there is no database behind this receiver.
  message.writeBigUInt64BE(0n, 17)
  message.writeBigInt64BE(BigInt(Math.floor(nowMs)) * 1000n - microsecondsTo2000, 25)
  message[33] = answer ? 1 : 0
  return message
}

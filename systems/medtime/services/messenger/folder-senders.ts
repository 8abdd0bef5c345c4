import { randomBytes } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SendPush } from './fcm/send.ts'
import type { SendSms } from './twilio/send.ts'

/**
 * In place of the providers, for development: each message becomes a file `<type or sms>-<id>.txt` in a folder, which nobody but the account of
 * the process can read. There a developer finds the code that the log must not hold.
 */
export function folderSenders(folder: string): { push: SendPush; sms: SendSms } {
  const write = async (name: string, lines: readonly string[]) => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const path = join(folder, `${name}.txt`)
    const draft = `${path}.${randomBytes(4).toString('hex')}`
    await writeFile(draft, `${lines.join('\n')}\n`, { mode: 0o600 })
    await rename(draft, path)
    return { kind: 'accepted', providerId: `file ${name}` } as const
  }
  return {
    push: ({ id, type, title, body, link }) => write(`push-${id}`, [type, title, body, link]),
    sms: ({ id, from, to, body }) => write(`sms-${id}`, [`from ${from}`, `to ${to}`, body]),
  }
}

import { readFile, rename, writeFile } from 'node:fs/promises'
import { resealAccounts } from '../accounts/sealing/reseal-accounts.ts'
import { openDatabase } from '../api/database.ts'
import { resealMessages } from '../messenger/reseal-messages.ts'
import { readRings, turned, withNewKeys, withoutFormerKeys } from './key-file.ts'
import type { Resealed } from './reseal.ts'

/*
 * Replaces the keys that the services seal with, step by step; runbooks/RB-011 tells the order. Keys are never printed.
 *   node services/keys/main.ts add|turn|reseal|retire <file of environment variables>
 * reseal and retire need ACCOUNTS_DATABASE_URL and MESSAGES_DATABASE_URL, as medtime_accounts and medtime_messenger.
 */

const [step, file] = process.argv.slice(2)

async function take(): Promise<object> {
  if (file === undefined) throw new Error('Say which step, and the file: add, turn, reseal or retire')
  const text = await readFile(file, 'utf8')
  switch (step) {
    case 'add':
      return write(file, withNewKeys(text))
    case 'turn':
      return write(file, turned(text))
    case 'reseal':
      return reseal(text)
    case 'retire': {
      const left = await reseal(text)
      const found = left.accounts.resealed + left.messages.resealed
      if (found > 0) {
        throw new Error(
          `${found} things were still sealed under a former key, so a service seals with it: start all anew, then retire again`,
        )
      }
      return write(file, withoutFormerKeys(text))
    }
    default:
      throw new Error('The steps are add, turn, reseal and retire')
  }
}

/** In one step: a file cut in half would be keys lost. */
async function write(path: string, text: string): Promise<object> {
  await writeFile(`${path}.new`, text, { mode: 0o600, flush: true })
  await rename(`${path}.new`, path)
  return { written: path }
}

async function reseal(text: string): Promise<{ accounts: Resealed; messages: Resealed }> {
  const { accounts, messages } = readRings(text)
  return {
    accounts: await on('ACCOUNTS_DATABASE_URL', (database) => resealAccounts(database, accounts)),
    messages: await on('MESSAGES_DATABASE_URL', (database) => resealMessages(database, messages)),
  }
}

async function on<T>(variable: string, work: (database: ReturnType<typeof openDatabase>) => Promise<T>): Promise<T> {
  const url = process.env[variable]
  if (url === undefined) throw new Error(`${variable} is missing`)
  const database = openDatabase({
    url,
    applicationName: 'medtime-keys',
    poolSize: 2,
    onStatement: () => undefined,
    onLostConnection: () => undefined,
  })
  try {
    return await work(database)
  } finally {
    await database.close()
  }
}

try {
  console.log(JSON.stringify({ step, ...(await take()) }))
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : 'It failed')
  process.exitCode = 1
}

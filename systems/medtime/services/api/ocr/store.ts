import type { Database } from '../database.ts'
import type { ApiErrorCode } from '../http/api-error.ts'

/** Why a recognition failed, as its row says it. */
export type RecordedError = ApiErrorCode | 'CLIENT_GONE'

/** What is kept of a recognition: that it was asked for, when, and how it ended (BACKEND-ARCH-001 §7.2). */
export interface RequestRecord {
  started(): Promise<void>
  done(): Promise<void>
  failed(error: RecordedError): Promise<void>
}

export interface OcrStore {
  /** Notes a request before anything is done for it. */
  record(user: string, id: string): Promise<RequestRecord>
}

export function createOcrStore({ run }: Database, now: () => number): OcrStore {
  const note = async (user: string, id: string, status: string, error: RecordedError | null = null) => {
    await run('note-ocr', 'SELECT public.srv_note_ocr($1,$2,$3,$4,$5)', [user, id, status, new Date(now()), error])
  }
  return {
    record: async (user, id) => {
      await note(user, id, 'pending')
      return {
        started: () => note(user, id, 'processing'),
        done: () => note(user, id, 'done'),
        failed: (error) => note(user, id, 'failed', error),
      }
    },
  }
}

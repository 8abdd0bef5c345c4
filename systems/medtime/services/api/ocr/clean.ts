import { z } from 'zod'
import type { Run } from '../database.ts'

const cleaned = z.tuple([z.object({ removed: z.coerce.number().int() })])

/**
 * For a daily job: removes OCR requests older than 30 days (BACKEND-ARCH-001 §7.2), and marks those as failed that an instance
 * left behind when it died. Safe to run twice, and on several instances at once.
 * @returns how many were removed
 * @throws ApiError when the database cannot answer
 */
export async function cleanOcrRequests(run: Run, now: Date): Promise<number> {
  const rows = await run('clean-ocr-requests', 'SELECT public.srv_clean_ocr_requests($1) AS removed', [now])
  return cleaned.parse(rows)[0].removed
}

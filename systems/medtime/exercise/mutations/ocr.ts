import type { Mutation } from 'aval'
import { preload } from './preload.ts'

/** Breaks of what reads prescriptions. */
export const ocrMutations: Mutation[] = [
  {
    id: 'ocr-may-write',
    breaks: 'behaviour/api/ocr-tried',
    description: 'The process that reads images may write files',
    environment: preload('api', 'ocr-may-write.ts'),
  },
  {
    id: 'ocr-cannot-read',
    breaks: 'behaviour/api/ocr-tried',
    description: 'The process that reads images may not read what it knows of Spanish, and with it no prescription',
    environment: preload('api', 'ocr-cannot-read.ts'),
  },
  {
    id: 'ocr-takes-anything',
    breaks: 'behaviour/api/ocr-sealed',
    description: 'An image may have a hundred times as many bytes as it should',
    environment: preload('api', 'ocr-takes-anything.ts'),
  },
  {
    id: 'ocr-keeps-text',
    breaks: 'integrity/database/ocr-rows-tell-nothing',
    description: 'The row of a request keeps what was read',
    sql: ['ALTER TABLE public.srv_ocr_requests ADD COLUMN recognised text'],
  },
]

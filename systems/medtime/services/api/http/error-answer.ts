import { z } from 'zod'

/** Of every answer other than success, RFC 9457. Some hold more members, which stand beside these. */
export const errorAnswer = z.looseObject({
  type: z.string().describe('`/problems/` and the code in small letters; names the kind of problem and stays.'),
  title: z.string().describe('The kind of problem in words.'),
  status: z.int(),
  code: z.string().describe('What a program goes by.'),
  detail: z.string().describe('What is wrong: fixed texts and names of places, nothing of what was sent.'),
  request_id: z.string().describe('Under which the log knows the request.'),
})

/** The media type of errors. */
export const problemType = 'application/problem+json'

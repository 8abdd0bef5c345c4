/* Ends as a process does whose memory is damaged. */
process.abort()

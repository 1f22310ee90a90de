// The story as it is told on a phone: the same things, under a thumb.
//
//   node story-phone.mjs --data DIR
process.argv.push('--phone')
await import('./story.mjs')

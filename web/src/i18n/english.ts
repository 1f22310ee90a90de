import { keep } from './texts'

// For tests: English is there from the beginning, so that what they draw has its words at once. The panel's own words
// for problems are English already.
keep(
  import.meta.glob<Record<string, string>>(['./en/*.json', '!./en/problems.json'], {
    eager: true,
    import: 'default',
  }),
)

/** Every namespace but those that the first page has; the panel's own words for problems are English already. */
export const files = import.meta.glob<Record<string, string>>(
  ['./*.json', '!./common.json', '!./door.json', '!./problems.json'],
  {
    import: 'default',
  },
)

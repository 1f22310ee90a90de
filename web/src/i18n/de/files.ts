/** Every namespace but those that the first page has. */
export const files = import.meta.glob<Record<string, string>>(
  ['./*.json', '!./common.json', '!./door.json'],
  {
    import: 'default',
  },
)

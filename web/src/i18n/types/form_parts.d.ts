// Written by `npm run texts` from ../en/form_parts.json.
export {}

declare module '../texts' {
  interface Texts {
    form_parts: {
      'name': {}
      'name_needed': {}
      'purpose': {}
      'optional': {}
      'choose_one': {}
      'save': {}
      'nothing_changed': {}
      'username': {}
      'email': {}
      'ends.until': {}
      'ends.help': {}
      'person.label': {}
      'person.search': {}
      'person.failed': {}
      'person.none': {}
    }
  }
}

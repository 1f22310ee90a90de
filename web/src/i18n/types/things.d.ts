// Written by `npm run texts` from ../en/things.json.
export {}

declare module '../texts' {
  interface Texts {
    things: {
      'noun.user': {}
      'noun.api_key': {}
      'noun.login': {}
      'noun.server': {}
      'noun.node': {}
      'noun.egg': {}
      'noun.nest': {}
      'noun.mount': {}
      'noun.role': {}
      'noun.plan': {}
      'noun.location': {}
      'noun.join_token': {}
      'noun.event_consumer': {}
      'noun.registry': {}
      'noun.session': {}
      'noun.passkey': {}
      'noun.operation': {}
      'noun.audit': {}
    }
  }
}

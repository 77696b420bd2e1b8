package postgres

// Migrate brings a schema up to date as another program does.
var Migrate = migrate

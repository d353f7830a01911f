package otel_test

var limitChecks, concurrencyChecks, exportChecks []check

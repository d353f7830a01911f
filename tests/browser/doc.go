// Package browser tests the viewer's page in a real Chromium, headless, against a real vitrine that serves real components. It is a module of its
// own, so that what drives the browser does not change Vitrine's dependencies.
//
// The browser is chromium, chromium-browser or google-chrome on the PATH, or the program that VITRINE_TEST_CHROMIUM names. Each test writes
// screenshots to the folder that VITRINE_SCREENSHOTS names, if it names one, to be looked at.
package browser

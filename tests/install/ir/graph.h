#error "gradc must not include a header of the program that uses it"
